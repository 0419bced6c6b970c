// The echo, by npm's ws: messages of all sizes, fragments, and closes.
"use strict";
const assert = require("node:assert");
const { once } = require("node:events");
const WebSocket = require("ws");

const url = process.argv[2];

async function open(options) {
  const socket = new WebSocket(url, options);
  await once(socket, "open");
  return socket;
}

async function echoed(socket, data, options) {
  const message = once(socket, "message");
  socket.send(data, options);
  return await message;
}

async function closed(socket) {
  const [code, reason] = await once(socket, "close");
  return { code, reason: reason.toString() };
}

async function main() {
  const socket = await open({ perMessageDeflate: true });
  assert.strictEqual(socket.extensions, "", "compression was offered, and not agreed to");
  for (const text of ["", "hello", "\u{1F9F5}".repeat(100), "x".repeat(126), "x".repeat(65536), "x".repeat(1 << 20)]) {
    const [data, binary] = await echoed(socket, text);
    assert.ok(!binary && data.toString() === text, `text of ${text.length}`);
  }
  const bytes = Buffer.alloc(100000, 0xff);
  const [data, binary] = await echoed(socket, bytes);
  assert.ok(binary && data.equals(bytes), "binary");

  // Fragments, one of which ends inside a letter, with a ping between them.
  const thread = Buffer.from("\u{1F9F5}");
  const pong = once(socket, "pong");
  socket.send(Buffer.concat([Buffer.from("a "), thread.subarray(0, 2)]), { fin: false, binary: false });
  socket.ping("between");
  assert.strictEqual((await pong)[0].toString(), "between");
  assert.strictEqual((await echoed(socket, thread.subarray(2), { fin: true }))[0].toString(), "a \u{1F9F5}");

  // Many at once come back in order.
  const all = new Promise((resolve) => {
    let next = 0;
    socket.on("message", (m) => {
      assert.strictEqual(m.toString(), String(next++));
      if (next === 5000) resolve();
    });
  });
  for (let i = 0; i < 5000; i++) socket.send(String(i));
  await all;

  socket.close(3001, "enough");
  assert.deepStrictEqual(await closed(socket), { code: 3001, reason: "" });

  const long = await open();
  long.send("x".repeat((1 << 20) + 1));
  assert.strictEqual((await closed(long)).code, 1009);

  const wrong = await open();
  wrong.send(Buffer.from([0x61, 0xff]), { binary: false });
  assert.strictEqual((await closed(wrong)).code, 1007);

  const cut = await open();
  cut.send("x".repeat(10), { fin: false });
  cut.terminate();
  const again = await open();
  assert.strictEqual((await echoed(again, "alive"))[0].toString(), "alive");
  again.close();
  assert.strictEqual((await closed(again)).code, 1005, "a close without a code");
}

main().catch((err) => { console.error(err); process.exit(1); });
