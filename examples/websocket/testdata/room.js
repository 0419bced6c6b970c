// The room, by npm's ws.
"use strict";
const assert = require("node:assert");
const { once, on } = require("node:events");
const WebSocket = require("ws");

const url = process.argv[2];

// member joins, and gives what it is told one by one.
async function member(name) {
  const socket = new WebSocket(`${url}?name=${encodeURIComponent(name)}`);
  const messages = on(socket, "message");
  await once(socket, "open");
  return { socket, next: async () => JSON.parse((await messages.next()).value[0].toString()) };
}

async function main() {
  const ann = await member("ann");
  assert.deepStrictEqual(await ann.next(), { kind: "hello", name: "ann", here: ["ann"] });
  const bob = await member("bob");
  assert.deepStrictEqual(await bob.next(), { kind: "hello", name: "bob", here: ["ann", "bob"] });
  assert.deepStrictEqual(await ann.next(), { kind: "joined", name: "bob" });

  bob.socket.send("hello");
  for (const m of [ann, bob]) {
    assert.deepStrictEqual(await m.next(), { kind: "said", name: "bob", text: "hello", n: 1 });
  }
  bob.socket.send(Buffer.from("bytes"));
  assert.strictEqual((await once(bob.socket, "close"))[0], 1003);
  assert.deepStrictEqual(await ann.next(), { kind: "left", name: "bob" });

  const cat = await member("cat");
  assert.strictEqual((await cat.next()).kind, "hello");
  assert.strictEqual((await cat.next()).text, "hello", "the history");

  const eve = new WebSocket(`${url}?name=eve`, { origin: "http://evil.example" });
  const [, response] = await once(eve, "unexpected-response");
  assert.strictEqual(response.statusCode, 403);
  response.destroy();
  const nobody = new WebSocket(`${url}?name=`);
  const [code, reason] = await once(nobody, "close");
  assert.strictEqual(code, 1008);
  assert.match(reason.toString(), /^a name /);

  ann.socket.close(1000);
  assert.strictEqual((await once(ann.socket, "close"))[0], 1000);
  cat.socket.terminate();
}

main().catch((err) => { console.error(err); process.exit(1); });
