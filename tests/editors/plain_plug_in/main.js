// A plug-in that calls providers at their own addresses, by both ways that Node.js has for that, and tells what they said.
const fs = require("fs");
const https = require("https");

const HEADERS = { "content-type": "application/json", "x-api-key": "k", authorization: "Bearer k" };
const MODELS = { "openai-chat": "gpt-6.1-sol", "anthropic-messages": "claude-opus-5-5" };

function body(dialect) {
  const messages = [{ role: "user", content: "hello" }];
  return JSON.stringify({ model: MODELS[dialect], max_tokens: 50, messages });
}

function byHttps(dialect, url) {
  return new Promise((told, failed) => {
    const request = https.request(url, { method: "POST", headers: HEADERS }, (answer) => {
      answer.resume();
      answer.on("end", () => told(answer.statusCode));
    });
    request.on("error", failed);
    request.end(body(dialect));
  });
}

async function byFetch(dialect, url) {
  const answer = await fetch(url, { method: "POST", headers: HEADERS, body: body(dialect) });
  await answer.text();
  return answer.status;
}

exports.activate = async () => {
  const out = process.env.PROBE_OUT;
  const told = {};
  for (const [dialect, url] of Object.entries(JSON.parse(process.env.PROBE_CALLS))) {
    told[`https ${dialect}`] = await byHttps(dialect, url).catch(String);
    told[`fetch ${dialect}`] = await byFetch(dialect, url).catch(String);
  }
  fs.writeFileSync(`${out}/new`, JSON.stringify(told));
  fs.renameSync(`${out}/new`, `${out}/told`);
};
