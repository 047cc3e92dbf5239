import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  customerOf,
  etagOf,
  findProduct,
  priceEvent,
  productPage,
  PRODUCTS,
  salesReport,
  searchProducts,
} from "../../../src/demo/data.ts";

suite("demo data", () => {
  test("products have the ids 1 to 240, distinct names and sane numbers", () => {
    assert.deepEqual(
      PRODUCTS.map(({ id }) => id),
      Array.from({ length: 240 }, (_, i) => i + 1),
    );
    assert.equal(new Set(PRODUCTS.map(({ name }) => name)).size, 240);
    for (const { price, stock, rating } of PRODUCTS) {
      assert.ok(price >= 500 && stock >= 0 && rating >= 1 && rating <= 5);
    }
  });

  test("an id is found by its one spelling only", () => {
    assert.equal(findProduct("7")?.id, 7);
    for (const id of ["0", "241", "007", "1.0", "-1", "1e1", "", "constructor"])
      assert.equal(findProduct(id), undefined);
  });

  test("pages cover everything once; one beyond the last is empty", () => {
    const ids = [1, 2, 3].flatMap((page) => productPage(page, 100).items.map(({ id }) => id));
    assert.deepEqual(
      ids,
      PRODUCTS.map(({ id }) => id),
    );
    assert.deepEqual(productPage(99, 100).items, []);
  });

  test("a search finds by name and category, at most ten, the same ones each time", () => {
    const found = searchProducts("LAMP");
    assert.equal(found.length, 10);
    assert.ok(found.every(({ product }) => product.name.includes("Lamp")));
    assert.deepEqual(searchProducts("LAMP"), found);
    assert.deepEqual(searchProducts("no such thing"), []);
  });

  test("a credential is one customer; the report is about 200 KiB; events follow their number", () => {
    assert.deepEqual(customerOf("Bearer a"), customerOf("Bearer a"));
    assert.notDeepEqual(customerOf("Bearer a"), customerOf("Bearer b"));
    const size = JSON.stringify(salesReport()).length;
    assert.ok(size > 150 * 1024 && size < 250 * 1024, `${size}`);
    assert.deepEqual(priceEvent(5), priceEvent(5));
  });

  test("an entity tag is strong, quoted and follows the octets", () => {
    assert.match(etagOf(Buffer.from("a")), /^"[\w-]{22}"$/);
    assert.notEqual(etagOf(Buffer.from("a")), etagOf(Buffer.from("b")));
  });
});
