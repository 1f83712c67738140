// A plug-in that calls a provider as Cline does, from the extension host, by the address that the settings give to
// Claude Code's extension; then a terminal in which an agent runs.
const fs = require("fs");
const http = require("http");
const vscode = require("vscode");

function ask(base) {
  const body = JSON.stringify({
    model: "claude-opus-5-5",
    max_tokens: 50,
    messages: [{ role: "user", content: "hello" }],
  });
  const headers = { "content-type": "application/json", "x-api-key": "k" };
  return new Promise((told, failed) => {
    const request = http.request(`${base}/v1/messages`, { method: "POST", headers }, (answer) => {
      answer.resume();
      answer.on("end", () => told(answer.statusCode));
    });
    request.on("error", failed);
    request.end(body);
  });
}

exports.activate = async () => {
  const out = process.env.PROBE_OUT;
  const variables = vscode.workspace.getConfiguration("claudeCode").get("environmentVariables");
  const named = Object.fromEntries(variables.map((one) => [one.name, one.value]));
  let status;
  try {
    status = await ask(named.ANTHROPIC_BASE_URL);
  } catch (error) {
    status = String(error);
  }
  fs.writeFileSync(`${out}/plug-in.json`, JSON.stringify({ variables: named, status }));
  const terminal = vscode.window.createTerminal({ name: "agent" });
  terminal.sendText(`${process.env.PROBE_AGENT} > ${out}/terminal; env > ${out}/env; touch ${out}/done`);
};
