// A client that is silent, but answers pings, by npm's ws. The server pings often.
"use strict";
const assert = require("node:assert");
const { once } = require("node:events");
const WebSocket = require("ws");

async function main() {
  const socket = new WebSocket(process.argv[2]);
  await once(socket, "open");
  for (let i = 0; i < 20; i++) await once(socket, "ping");
  const message = once(socket, "message");
  socket.send("still here");
  assert.strictEqual((await message)[0].toString(), "still here");
  socket.close(1000);
  await once(socket, "close");
}

main().catch((err) => { console.error(err); process.exit(1); });
