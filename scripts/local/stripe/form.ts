/** A value of a form: a text, or a list or map of values. */
export type FormValue = string | FormValue[] | { [key: string]: FormValue };

/**
 * Parses a body as Stripe does: `items[0][price]=p&metadata[a]=b` is `{items: [{price: "p"}], metadata: {a: "b"}}`.
 * A list is written with numbers or with `[]`.
 *
 * @see https://docs.stripe.com/api/metadata for the form of nested fields
 */
export function parseForm(text: string): Record<string, FormValue> {
  const tree: Tree = new Map();
  for (const [key, value] of new URLSearchParams(text)) {
    const path = [...key.matchAll(/^[^[]+|\[([^\]]*)\]/g)].map(([whole, inner]) => inner ?? whole);
    put(tree, path, value);
  }
  return Object.fromEntries([...tree].map(([key, node]) => [key, toValue(node)]));
}

type Tree = Map<string, string | Tree>;

function put(tree: Tree, path: string[], value: string): void {
  const [step = "", ...rest] = path;
  const key = step === "" ? String(tree.size) : step;
  if (rest.length === 0) {
    tree.set(key, value);
    return;
  }
  const below = tree.get(key);
  const next = below instanceof Map ? below : new Map();
  tree.set(key, next);
  put(next, rest, value);
}

function toValue(node: string | Tree): FormValue {
  if (typeof node === "string") return node;
  const entries = [...node];
  if (entries.every(([key]) => /^\d+$/.test(key)))
    return entries.map(([, below]) => toValue(below));
  return Object.fromEntries(entries.map(([key, below]) => [key, toValue(below)]));
}
