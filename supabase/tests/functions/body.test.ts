import assert from "node:assert/strict";
import { z } from "zod";
import { bodyLimit, readBytes, readJson, readText } from "../../functions/_shared/http/body.ts";
import { failureResponse, isFailure } from "../../functions/_shared/http/failure.ts";
import { post } from "./support.ts";

/** Request bodies are read up to a limit and parsed once. */

const schema = z.strictObject({
  name: z.string().min(1),
  nested: z.object({ n: z.number() }).optional(),
});

/** A body in chunks that counts how many of them were read. */
function streamed(chunks: number, size: number, headers: Record<string, string> = {}) {
  let sent = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === chunks) return controller.close();
      sent++;
      controller.enqueue(new Uint8Array(size).fill(97));
    },
    cancel() {
      cancelled = true;
    },
  });
  const request = new Request("http://functions.test/", { method: "POST", headers, body });
  return { request, progress: () => ({ sent, cancelled }) };
}

Deno.test("a body of exactly the limit is read completely", async () => {
  const bytes = await readBytes(streamed(4, 1024).request, 4096);
  assert.ok(!isFailure(bytes));
  assert.equal(bytes.length, 4096);
});

Deno.test("a body without a content-length is not read beyond the limit", async () => {
  const { request, progress } = streamed(1000, 1024);
  const result = await readBytes(request, 4096);
  assert.ok(isFailure(result));
  assert.equal(result.code, "payload_too_large");
  assert.deepEqual(result.facts, { maximum: 4096 });
  assert.ok(progress().sent < 10, `${progress().sent} chunks were read`);
  assert.ok(progress().cancelled);
});

Deno.test("a body whose content-length is beyond the limit is not read", async () => {
  const { request, progress } = streamed(1000, 1024, { "content-length": "1024000" });
  const result = await readBytes(request, 4096);
  assert.ok(isFailure(result) && result.code === "payload_too_large");
  assert.ok(progress().sent <= 1);
});

Deno.test("a content-length that is too small does not raise the limit", async () => {
  const { request } = streamed(5, 1024, { "content-length": "1" });
  const result = await readBytes(request, 4096);
  assert.ok(isFailure(result) && result.code === "payload_too_large");
});

Deno.test("a body that breaks off is an invalid_body", async () => {
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
  const result = await readBytes(
    new Request("http://functions.test/", { method: "POST", body }),
    10,
  );
  assert.ok(isFailure(result) && result.code === "invalid_body");
});

Deno.test("a body takes memory for what has arrived, not for the whole limit", async () => {
  for (const [chunks, size] of [
    [1, 1],
    [300, 1],
    [3, 1000],
  ] as const) {
    const bytes = await readBytes(streamed(chunks, size).request, bodyLimit.webhook);
    assert.ok(!isFailure(bytes));
    assert.equal(bytes.length, chunks * size);
    assert.ok(bytes.buffer.byteLength <= 2 * bytes.length, `${bytes.buffer.byteLength} bytes`);
  }
});

Deno.test("a body that does not arrive in time is answered 408 and no longer read", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array([123])),
    cancel() {
      cancelled = true;
    },
  });
  const request = new Request("http://functions.test/", { method: "POST", body });
  const result = await readBytes(request, 100, 20);
  assert.ok(isFailure(result));
  assert.equal(result.code, "invalid_body");
  assert.equal(failureResponse(result).status, 408);
  assert.ok(cancelled);
});

Deno.test("the character U+0000 is refused in every string and key, and its look-alikes are not", async () => {
  const open = z.record(z.string(), z.unknown());
  for (const body of [
    '{"a": "\\u0000"}',
    '{"a": "x\\u0000y"}',
    '{"a\\u0000": 1}',
    '{"a": ["\\\\\\u0000"]}',
  ]) {
    const result = await readJson(post(body), open);
    assert.ok(isFailure(result) && result.code === "invalid_body", body);
  }
  for (const body of ['{"a": "\\\\u0000"}', '{"a": "\\u0001"}', '{"a": "u0000"}']) {
    assert.deepEqual(await readJson(post(body), open), JSON.parse(body));
  }
});

Deno.test("a text body is read byte for byte", async () => {
  assert.equal(await readText(post('\ufeff{"ключ": 1}\r\n'), 100), '\ufeff{"ключ": 1}\r\n');
  const broken = new Request("http://functions.test/", {
    method: "POST",
    body: new Uint8Array([0xff]),
  });
  const result = await readText(broken, 100);
  assert.ok(isFailure(result) && result.code === "invalid_body");
});

Deno.test("a body that fits its schema is parsed", async () => {
  assert.deepEqual(await readJson(post({ name: "x" }), schema), { name: "x" });
});

Deno.test("a body that does not fit is refused with the name of the field, but without its value", async () => {
  for (const [body, field] of [
    [{ name: 1 }, "name"],
    [{}, "name"],
    [{ name: "" }, "name"],
    [{ name: "x", nested: { n: "secret" } }, "nested.n"],
    [{ name: "x", extra: "secret" }, null],
    [[], null],
    ["null", null],
    ['"secret"', null],
  ] as const) {
    const result = await readJson(post(body), schema);
    assert.ok(isFailure(result), JSON.stringify(body));
    assert.equal(result.code, "invalid_body");
    assert.equal(result.facts?.field, field);
    assert.doesNotMatch(JSON.stringify(result), /secret/);
  }
});

Deno.test("a body that is not JSON is refused", async () => {
  for (const body of ["", "{", "name=x", "{'name': 'x'}"]) {
    const result = await readJson(post(body), schema);
    assert.ok(isFailure(result) && result.code === "invalid_body", body);
  }
});

Deno.test("the limit is 16 KiB by default", async () => {
  const fitting = await readJson(post({ name: "x".repeat(bodyLimit.other - 11) }), schema);
  assert.ok(!isFailure(fitting));
  const beyond = await readJson(post({ name: "x".repeat(bodyLimit.other - 10) }), schema);
  assert.ok(isFailure(beyond) && beyond.code === "payload_too_large");
});
