// Opens an editor in a browser, until a file is there: node open.js PLAYWRIGHT CHROMIUM URL FILE
const fs = require("fs");
const [playwright, executablePath, url, file] = process.argv.slice(2);

(async () => {
  const browser = await require(playwright).chromium.launch({ executablePath, args: ["--no-sandbox"] });
  await (await browser.newPage()).goto(url);
  const until = Date.now() + 150_000;
  while (!fs.existsSync(file) && Date.now() < until) await new Promise((next) => setTimeout(next, 100));
  await browser.close();
})();
