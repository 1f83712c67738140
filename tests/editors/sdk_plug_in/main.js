// A plug-in that makes a client of its provider's SDK for each task, as Roo Code does: without an address, where its user
// has given none. For each `N.ask` in a folder it begins a task, and tells in `N.told` what became of it.
const fs = require("fs");
const Anthropic = require(process.env.PROBE_SDK);

async function task() {
  const client = new Anthropic({ baseURL: undefined, apiKey: "k", maxRetries: 0 });
  if (!client.baseURL.startsWith("http://127.0.0.1:")) return { address: client.baseURL };
  const messages = [{ role: "user", content: "hello" }];
  const answer = await client.messages.create({ model: "claude-opus-5-5", max_tokens: 50, messages });
  return { address: client.baseURL, answer: answer.type };
}

exports.activate = (context) => {
  const out = process.env.PROBE_OUT;
  const look = async () => {
    for (const name of fs.readdirSync(out).filter((one) => one.endsWith(".ask"))) {
      fs.unlinkSync(`${out}/${name}`);
      const told = await task().catch((error) => ({ error: String(error) }));
      fs.writeFileSync(`${out}/new`, JSON.stringify(told));
      fs.renameSync(`${out}/new`, `${out}/${name.replace(".ask", ".told")}`);
    }
  };
  const timer = setInterval(() => void look(), 100);
  context.subscriptions.push({ dispose: () => clearInterval(timer) });
  fs.writeFileSync(`${out}/ready`, "");
};
