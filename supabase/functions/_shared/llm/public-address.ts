/** Resolves a host name to its addresses; to an empty list where there are none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/**
 * The blocks of IPv4 addresses that are not public, by first address and prefix length: RFC 6890 and the IANA IPv4
 * Special-Purpose Address Registry.
 */
const specialIpv4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;

/** Whether an address belongs to the public internet. A text that cannot be parsed does not. */
export function isPublicAddress(address: string): boolean {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== null) {
    return !specialIpv4.some(([first, length]) => {
      const shift = 32 - length;
      return ipv4 >>> shift === (parseIpv4(first) ?? 0) >>> shift;
    });
  }
  const groups = parseIpv6(address);
  if (!groups) return false;
  const [first = 0, second = 0] = groups;
  // 64:ff9b::/96 contains translated IPv4 addresses (RFC 6052).
  if (first === 0x64 && second === 0xff9b && groups.slice(2, 6).every((group) => group === 0)) {
    const [high = 0, low = 0] = groups.slice(6);
    return isPublicAddress([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  // Only 2000::/3 is global unicast, except the blocks for protocols such as Teredo, for documentation and for 6to4.
  if (first >> 13 !== 1) return false;
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false;
  return first !== 0x2002 && !(first === 0x3fff && second < 0x1000);
}

/** Whether a host is this machine. */
function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Why a URL must not be called; null where it may be. */
export type Refusal = "not_https" | "not_public" | "not_resolved" | null;

/** Milliseconds for which a resolved name is cached. */
const cacheTime = 60_000;

/**
 * Makes the check that keeps requests away from this machine and from private networks. A URL must use https, and every
 * address of its host must be public; loopback addresses pass where they are allowed. The check does not decide which
 * address is then connected to: a name that resolves to another address a moment later is harmless, because that
 * address must present a certificate for the name before anything of the request is sent.
 */
export function createAddressCheck(
  resolve: Resolve,
  allowLoopback: boolean,
  now: () => number = Date.now,
): (url: URL) => Promise<Refusal> {
  const cache = new Map<string, { until: number; isPublic: boolean }>();
  return async ({ protocol, hostname }) => {
    if (allowLoopback && isLoopbackHost(hostname)) return null;
    if (protocol !== "https:") return "not_https";
    const literal = hostname.replace(/^\[(.*)\]$/, "$1");
    if (literal !== hostname || parseIpv4(literal) !== null) {
      return isPublicAddress(literal) ? null : "not_public";
    }
    const cached = cache.get(hostname);
    if (cached && cached.until > now()) return cached.isPublic ? null : "not_public";
    const addresses = await resolve(hostname);
    if (addresses.length === 0) return "not_resolved";
    const isPublic = addresses.every(isPublicAddress);
    cache.set(hostname, { until: now() + cacheTime, isPublic });
    return isPublic ? null : "not_public";
  };
}

/**
 * Resolves a name to its IPv4 and IPv6 addresses. Where one of the two queries fails, the result is empty, because the
 * connection could use an address that was not checked.
 */
export const resolveByDns: Resolve = async (name) => {
  try {
    const addresses = await Promise.all([query(name, "A"), query(name, "AAAA")]);
    return addresses.flat();
  } catch {
    return [];
  }
};

async function query(name: string, type: "A" | "AAAA"): Promise<string[]> {
  try {
    return await Deno.resolveDns(name, type);
  } catch (error) {
    // Thrown also where the name only has addresses of the other kind.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function parseIpv4(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** The eight groups of an IPv6 address; null for any other text, also for an address that ends in IPv4 notation. */
function parseIpv6(text: string): number[] | null {
  const halves = text.toLowerCase().split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}
