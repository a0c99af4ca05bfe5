// An app that keeps the total of every customer's orders, without a client library and without a dependency: it takes
// batches of records from Kafka Sidecar with what Node.js 20 brings.

import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const port = Number(process.env.PORT || 8080);
const workSeconds = Number(process.env.WORK_SECONDS || 0); // how long each batch takes, to see what happens when it is long

// Orders by the bytes of their key, so that a record that comes twice changes nothing. They are kept in memory, to fit
// on a page; yours belong in a database.
const orders = new Map();

const busy = new Set(); // "topic/partition" of batches that are being handled

// An error with the status of the answer.
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    Object.assign(this, { status, headers });
  }
}

// A record that is no order. It will be none the next time either.
class NotAnOrder extends Error {}

// An offset may be above 2^53, where a number of JavaScript is no longer exact: from 16 digits on it becomes text,
// and is written back as it came. (Within text a quote follows a backslash, so this finds names of fields only.)
function parse(json) {
  return JSON.parse(json.replace(/(?<!\\)"offset"\s*:\s*(\d{16,})/g, '"offset":"$1"'));
}

// Bytes that are UTF-8 stand in `name`, other bytes as base64 in `nameBase64`, a null as null.
function bytesOf(object, name) {
  const [text, base64] = [object[name], object[name + "Base64"]];
  if (text === null) return null;
  if (typeof text === "string") return Buffer.from(text);
  if (typeof base64 === "string") return Buffer.from(base64, "base64");
  throw new Refusal(500, `a ${name} is neither text nor base64 nor null`);
}

// The value as JSON, undefined for a tombstone. With batch.value: json it stands in the body as what it is; the header
// Sidecar-Value tells a JSON string from text.
function valueOf(record, embedded) {
  const { value } = record;
  if (value === null) return undefined;
  if (value !== undefined && (embedded || typeof value !== "string")) return value;
  const bytes = bytesOf(record, "value");
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new NotAnOrder("the value is not JSON in UTF-8");
  }
}

// Headers may repeat: every "tag" counts.
function tagsOf(record) {
  return record.headers.filter((h) => h.name === "tag" && typeof h.value === "string").map((h) => h.value);
}

// Stores, changes or deletes one order.
function apply(record, embedded) {
  const value = valueOf(record, embedded);
  const key = bytesOf(record, "key")?.toString("base64");
  if (key === undefined) throw new NotAnOrder("the record has no key, so it is not known which order it is");
  if (value === undefined) { // a tombstone: the order is cancelled
    orders.delete(key);
    return;
  }
  const { customer, cents } = value ?? {};
  if (typeof customer !== "string" || customer === "" || !Number.isSafeInteger(cents)) {
    throw new NotAnOrder('the value is not {"customer": text, "cents": whole number}');
  }
  orders.set(key, { customer, cents, tags: tagsOf(record) });
}

// Stores the orders of a batch and names the records that are none, as JSON text: an offset must be a number there.
async function handle(batch, embedded) {
  await sleep(workSeconds * 1000);
  const failures = [];
  for (const { topic, partition, records } of batch.partitions) {
    for (const record of records) {
      try {
        apply(record, embedded);
      } catch (error) {
        if (!(error instanceof NotAnOrder)) throw error;
        failures.push(`{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${record.offset},` +
          `"action":"reject","reason":${JSON.stringify(error.message)}}`);
      }
    }
    console.log(`${topic}/${partition}: ${records.length} records`);
  }
  return `{"failures":[${failures}]}`;
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function batchOf(request, body) {
  const version = request.headers["sidecar-protocol"];
  if (version !== "1") throw new Refusal(501, `this app speaks Sidecar-Protocol 1, not ${version}`);
  if (!/^application\/json *(;|$)/i.test(request.headers["content-type"])) throw new Refusal(415, "this app reads batch.format: json");
  let batch;
  try {
    batch = parse(utf8.decode(body));
  } catch {
    throw new Refusal(500, "the body is not JSON in UTF-8"); // not 400: that would blame the records
  }
  if (!batch?.partitions?.length) throw new Refusal(500, "the body is not a batch: it has no partitions");
  return batch;
}

async function receive(request) {
  const batch = batchOf(request, await bodyOf(request)); // all of the body, before anything is answered
  const partitions = batch.partitions.map(({ topic, partition }) => `${topic}/${partition}`);
  if (partitions.some((p) => busy.has(p))) {
    throw new Refusal(503, "an earlier batch of this partition is still being handled", { "Retry-After": 1 });
  }
  partitions.forEach((p) => busy.add(p));
  try {
    return await handle(batch, request.headers["sidecar-value"] === "json");
  } finally {
    partitions.forEach((p) => busy.delete(p));
  }
}

function show() {
  const [customers, tags] = [Object.create(null), Object.create(null)];
  for (const order of orders.values()) {
    customers[order.customer] = (customers[order.customer] ?? 0) + order.cents;
    for (const tag of order.tags) tags[tag] = (tags[tag] ?? 0) + 1;
  }
  return JSON.stringify({ customers, tags });
}

const routes = {
  "POST /batches": receive, // what it does not name is acknowledged
  "GET /totals": show,
  "GET /": () => "{}", // ready
};

const server = http.createServer(async (request, response) => {
  if (!server.listening) response.setHeader("Connection", "close"); // it is stopping
  try {
    const route = routes[`${request.method} ${request.url}`];
    if (!route) throw new Refusal(404, `there is no ${request.method} ${request.url}`);
    response.setHeader("Content-Type", "application/json");
    response.end(await route(request));
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error.stack);
    response.writeHead(error.status ?? 500, { "Content-Type": "text/plain", ...error.headers });
    response.end(error instanceof Refusal ? error.message : "the app failed");
  }
});

server.on("error", (error) => {
  console.error(error.message); // the port is taken
  process.exitCode = 1;
});
server.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${port}`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => server.close()); // answers the requests in progress, then the process ends
}
