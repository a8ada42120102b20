// A web shop's use of the API, by a client that is generated from openapi.yaml
// with another generator than the gateway's own code. It ends with an error
// where the gateway does otherwise than its description says.
//
// It is given GATEWAY, the gateway's address, CUSTOMER_TOKEN, a customer's
// token, and ADMIN_TOKEN, that of somebody who may fill the shelves.
import assert from "node:assert/strict";

import * as api from "./generated";
import { client } from "./generated/client.gen";

const customerId = "cust-generated";
const productId = "prod-generated";

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

client.setConfig({ baseUrl: setting("GATEWAY"), auth: setting("CUSTOMER_TOKEN") });

const placement = (quantity: number): api.Placement => ({
  customerId,
  items: [{ productId, quantity }],
  payment: { method: "pm_card_visa" },
  shippingAddress: { name: "Ada Lovelace", line1: "12 St James's Square", city: "London", country: "GB" },
});

async function fillShelves(): Promise<void> {
  const asAdmin = { auth: setting("ADMIN_TOKEN"), throwOnError: true } as const;
  await api.putCustomer({ ...asAdmin, path: { customerId }, body: { customerId, name: "Ada Lovelace" } });
  await api.putStock({ ...asAdmin, path: { productId }, body: { productId, onHand: 10 } });
  const { data: product } = await api.putProduct({
    ...asAdmin,
    path: { productId },
    body: { productId, name: "Kettle", unitPrice: { amount: 4999, currency: "USD" } },
  });
  assert.equal(product.version, 1);
}

async function place(key: string, quantity: number): Promise<string> {
  const { data, response } = await api.placeOrder({
    headers: { "Idempotency-Key": key },
    body: placement(quantity),
    throwOnError: true,
  });
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("Location"), data.links.self);
  return data.orderId;
}

// watch follows an order to its end, and returns what it was at last.
async function watch(orderId: string): Promise<api.Order> {
  const { stream } = await api.streamOrder({
    path: { orderId },
    sseMaxRetryAttempts: 3,
  });
  let last: api.Order | undefined;
  for await (const event of stream) {
    // OpenAPI 3.1 has no words for what an event's data is.
    const view = event as unknown as api.Order;
    assert.equal(view.orderId, orderId);
    assert.ok(last === undefined || view.version > last.version, "versions grow");
    last = view;
  }
  assert.ok(last, "the stream had no event");
  return last;
}

async function orderIsShipped(): Promise<void> {
  const orderId = await place("key-1", 2);
  assert.equal(await place("key-1", 2), orderId, "an equal request gives the same order");

  const end = await watch(orderId);
  assert.equal(end.status, "shipped");
  assert.equal(end.saga?.state, "completed");

  const { data: order } = await api.getOrder({ path: { orderId }, throwOnError: true });
  assert.deepEqual(order.totalAmount, { amount: 9998, currency: "USD" });
  assert.equal(order.payment?.status, "captured");
  assert.equal(order.items[0]?.productName, "Kettle");
  assert.ok(order.trackingNumber);

  const { data: page } = await api.listOrders({
    path: { customerId },
    query: { status: "shipped", limit: 5 },
    throwOnError: true,
  });
  assert.deepEqual(page.items.map((item) => item.orderId), [orderId]);
  assert.equal(page.total, 1);
}

async function orderIsCancelled(): Promise<void> {
  const orderId = await place("key-2", 1);
  const { data, response } = await api.cancelOrder({
    path: { orderId },
    body: { reason: "ordered twice" },
    throwOnError: true,
  });
  assert.equal(response.status, 202);
  assert.equal(data.orderId, orderId);

  const end = await watch(orderId);
  assert.equal(end.status, "cancelled");
  assert.equal(end.saga?.state, "compensated");
}

async function refusalsAreProblems(): Promise<void> {
  const unknown = await api.getOrder({ path: { orderId: "order-of-nobody" } });
  assert.equal(unknown.response.status, 404);
  assert.equal(unknown.error?.type, "urn:orderflow:problem:not-found");

  const refused = await api.placeOrder({ body: placement(0) });
  assert.equal(refused.response.status, 422);
  assert.deepEqual(refused.error?.errors, [{ pointer: "/items/0/quantity", detail: "must be an integer from 1" }]);

  const stranger = await api.listProducts({ auth: "nobody" });
  assert.equal(stranger.response.status, 401);

  // @ts-expect-error the description knows no such parameter
  const misspelt = await api.listProducts({ query: { pgae: 2 } });
  assert.equal(misspelt.response.status, 400);
}

async function main(): Promise<void> {
  await fillShelves();
  await orderIsShipped();
  await orderIsCancelled();
  await refusalsAreProblems();
}

main().catch((reason: unknown) => {
  console.error(reason);
  process.exitCode = 1;
});
