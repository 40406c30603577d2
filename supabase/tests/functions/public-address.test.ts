import assert from "node:assert/strict";
import { createAddressCheck, isPublicAddress } from "../../functions/_shared/llm/public-address.ts";

/** Requests that carry a key are sent to public addresses alone. */

const nowhere = () => Promise.resolve([]);

Deno.test("addresses of every block that is not public are recognized, in every notation", () => {
  const special = [
    ...["0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254"],
    ...["172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1"],
    ...[
      "198.18.0.1",
      "198.19.255.255",
      "198.51.100.1",
      "203.0.113.1",
      "224.0.0.1",
      "255.255.255.255",
    ],
    ...[
      "::",
      "::1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "fe80::1",
      "fc00::1",
      "fd12:3456::1",
      "ff02::1",
    ],
    ...["2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "64:ff9b::7f00:1", "64:ff9b:1::1"],
    ...["", "nonsense", "1.2.3", "1.2.3.256", "1:2", "2600::1::2", "2600:12345::1"],
  ];
  assert.deepEqual(special.filter(isPublicAddress), []);
});

Deno.test("addresses just outside those blocks are public", () => {
  const open = [
    ...[
      "1.1.1.1",
      "9.255.255.255",
      "11.0.0.1",
      "100.63.255.255",
      "100.128.0.1",
      "126.0.0.1",
      "128.0.0.1",
    ],
    ...["172.15.0.1", "172.32.0.1", "192.167.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255"],
    ...["2600::1", "2001:4860:4860::8888", "2a00:1450:4001:81b::200a", "64:ff9b::101:101"],
  ];
  assert.deepEqual(
    open.filter((address) => !isPublicAddress(address)),
    [],
  );
});

Deno.test("a host that is an address is checked, in any notation", async () => {
  const check = createAddressCheck(nowhere, false);
  const hosts = [
    "10.0.0.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "169.254.169.254",
  ];
  for (const host of hosts) {
    assert.equal(await check(new URL(`https://${host}/`)), "not_public", host);
  }
  assert.equal(await check(new URL("https://1.1.1.1/")), null);
});

Deno.test("a name is refused if any of its addresses is not public", async () => {
  const names: Record<string, string[]> = {
    "good.test": ["1.1.1.1", "2600::1"],
    "private.test": ["10.1.2.3"],
    "mixed.test": ["1.1.1.1", "fd00::1"],
  };
  const check = createAddressCheck((name) => Promise.resolve(names[name] ?? []), false);
  assert.equal(await check(new URL("https://good.test/v1")), null);
  assert.equal(await check(new URL("https://private.test/v1")), "not_public");
  assert.equal(await check(new URL("https://mixed.test/v1")), "not_public");
  assert.equal(await check(new URL("https://missing.test/v1")), "not_resolved");
});

Deno.test("the result for a name is kept for a minute", async () => {
  let time = 0;
  let asked = 0;
  const check = createAddressCheck(
    () => {
      asked += 1;
      return Promise.resolve([asked === 1 ? "1.1.1.1" : "10.0.0.1"]);
    },
    false,
    () => time,
  );
  const url = new URL("https://changing.test/");
  assert.equal(await check(url), null);
  time = 59_999;
  assert.equal(await check(url), null);
  time = 60_000;
  assert.equal(await check(url), "not_public");
  assert.equal(asked, 2);
});

Deno.test("http is allowed for loopback alone, and only if the setting allows it", async () => {
  const urls = ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/"];
  const closed = createAddressCheck(nowhere, false);
  const open = createAddressCheck(nowhere, true);
  for (const url of urls) {
    assert.equal(await closed(new URL(url)), "not_https", url);
    assert.equal(await open(new URL(url)), null, url);
  }
  assert.equal(await closed(new URL("https://127.0.0.1/")), "not_public");
  assert.equal(await open(new URL("http://10.0.0.1/")), "not_https");
  assert.equal(await open(new URL("http://1.1.1.1/")), "not_https");
});
