// Drives a browser: node drive.js PLAYWRIGHT CHROMIUM. One order a line, {"call": "page.click", "args": […]}, one answer a line.
const readline = require("readline");
const [playwright, executablePath] = process.argv.slice(2);

(async () => {
  const options = { executablePath, args: ["--no-sandbox", "--force-color-profile=srgb"] };
  const browser = await require(playwright).chromium.launch(options);
  const page = await browser.newPage({ viewport: { width: 1100, height: 680 }, deviceScaleFactor: 1 });
  page.setDefaultTimeout(60_000);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { call, args } = JSON.parse(line);
    const way = call.split(".");
    const name = way.pop();
    const owner = way.reduce((found, step) => found[step], { page });
    let said;
    try {
      const answer = await owner[name](...args);
      said = { answer: answer !== null && typeof answer === "object" && !Array.isArray(answer) ? null : (answer ?? null) };
    } catch (error) {
      said = { error: String(error) };
    }
    process.stdout.write(JSON.stringify(said) + "\n");
  }
  await browser.close();
})();
