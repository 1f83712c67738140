import assert from "node:assert/strict";
import { test } from "node:test";

import { addresses, Environment } from "../src/environment";

const OURS = "http://127.0.0.1:4747/anthropic";

test("of what terminals get, extensions get the addresses on this machine, and nothing else", () => {
  const terminal = {
    ANTHROPIC_BASE_URL: OURS,
    OPENAI_API_BASE: "http://localhost:4747/openai/v1",
    GROQ_BASE_URL: "http://[::1]:4747/groq",
    _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL: "1",
    PATH: "/somewhere",
    HTTP_PROXY: "http://127.0.0.1:3128",
    XAI_BASE_URL: "https://api.x.ai",
    MISTRAL_BASE_URL: "http://127.0.0.1.example.com/v1",
    DEEPSEEK_BASE_URL: "http://127.0.0.1@example.com/v1",
    KIMI_BASE_URL: "file://127.0.0.1/etc",
    OPENROUTER_BASE_URL: null,
    GEMINI_BASE_URL: "not an address",
  };
  assert.deepEqual([...addresses(terminal).keys()], ["ANTHROPIC_BASE_URL", "OPENAI_API_BASE", "GROQ_BASE_URL"]);
  for (const none of [undefined, null, {}, "text", 7]) assert.equal(addresses(none).size, 0);
});

test("what was given is taken back, and the environment is as it was", () => {
  const env: NodeJS.ProcessEnv = { HOME: "/home/u" };
  const environment = new Environment(env);
  environment.give(new Map([["ANTHROPIC_BASE_URL", OURS]]));
  assert.deepEqual(env, { HOME: "/home/u", ANTHROPIC_BASE_URL: OURS });
  environment.give(new Map([["OPENAI_BASE_URL", OURS]]));
  assert.deepEqual(env, { HOME: "/home/u", OPENAI_BASE_URL: OURS });
  environment.give(new Map());
  assert.deepEqual(env, { HOME: "/home/u" });
});

test("what somebody else has set stays, before and after", () => {
  const env: NodeJS.ProcessEnv = { ANTHROPIC_BASE_URL: "https://gateway.example" };
  const environment = new Environment(env);
  const wanted = new Map([
    ["ANTHROPIC_BASE_URL", OURS],
    ["OPENAI_BASE_URL", OURS],
  ]);
  environment.give(wanted);
  environment.give(wanted);
  assert.deepEqual(env, { ANTHROPIC_BASE_URL: "https://gateway.example", OPENAI_BASE_URL: OURS });
  env.OPENAI_BASE_URL = "https://other.example";
  environment.give(new Map());
  assert.deepEqual(env, { ANTHROPIC_BASE_URL: "https://gateway.example", OPENAI_BASE_URL: "https://other.example" });
});
