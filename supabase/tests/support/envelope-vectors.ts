/** A text and its sealed form. tests/database/api_keys/envelope.test.sql has the same vectors. */
export interface EnvelopeVector {
  plaintext: string;
  secret: string;
  context: string;
  /** Hexadecimal. */
  iv: string;
  envelope: string;
}

export const envelopeVectors: readonly EnvelopeVector[] = [
  {
    plaintext: "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
    secret: "a secret of more than 16 bytes",
    context: "",
    iv: "0102030405060708090a0b0c0d0e0f10",
    envelope:
      "v2.AQIDBAUGBwgJCgsMDQ4PECC_PjjVeuywH4sLNd29TZFJfzYrX7cbNj9hI5blGWdlNftXcr3Ry5qgTxOXxwGQgEdqrRERAQTZlJ29f5nKvdhSPLzx4Af7U-Q0Thu1Xdw4",
  },
  {
    plaintext: "sk-12345",
    secret: "0123456789abcdef",
    context: "",
    iv: "0306090c0f1215181b1e2124272a2d30",
    envelope:
      "v2.AwYJDA8SFRgbHiEkJyotMNNCtS3I5f--IbTq4PfV0rHu79LNcB1tCTPlJw1z4FssP6_mxUVCKpKt1RA37OEE6A",
  },
  {
    plaintext: "",
    secret: "0123456789abcdef0123456789abcdef",
    context: "",
    iv: "050a0f14191e23282d32373c41464b50",
    envelope:
      "v2.BQoPFBkeIygtMjc8QUZLUA7F-tiJhGnUxSoRq-ioa4-SQJ-hhX1MXhQaIkLSvf6euSdxlG79Mh783WOzOKUyFg",
  },
  {
    plaintext: "0123456789abcdef",
    secret: "0123456789abcdef0123456789abcdef",
    context: "",
    iv: "070e151c232a31383f464d545b626970",
    envelope:
      "v2.Bw4VHCMqMTg_Rk1UW2JpcEKk8gfQGENUUTkf1LKcyAPqHX2NLzw7AshFMbrAu8HgTHuHidG1a8O1CEJd5WD_Wn0r43P-HxaysgMqMPyiJw4",
  },
  {
    plaintext: "ключ 🔑 clé",
    secret: "пароль-пароль",
    context: "",
    iv: "09121b242d363f48515a636c757e8790",
    envelope:
      "v2.CRIbJC02P0hRWmNsdX6HkBBdEEP18lJ-NKnbtnuyoUXa3hlP3HS0JCWBmc68UJBr0EPetCOvEhELY4tpsz6ZCwVMV-7iJ_trg5tAzjAmSsc",
  },
  {
    plaintext: "sk-stored-key-1",
    secret: "5f2d9c1e7a3b4f608192a3b4c5d6e7f85f2d9c1e7a3b4f608192a3b4c5d6e7f8",
    context: "11111111-2222-4333-8444-555555555555\nopenai\n1",
    iv: "0b16212c37424d58636e79848f9aa5b0",
    envelope:
      "v2.CxYhLDdCTVhjbnmEj5qlsEoJFhpfq2NQa-D3v8lLOYQ0BXmDu-3yyTLs3IC0yuCFHllZMq7ZJ4xF1ImRjmpV3A",
  },
  {
    plaintext: "sk-stored-key-2",
    secret: "5f2d9c1e7a3b4f608192a3b4c5d6e7f85f2d9c1e7a3b4f608192a3b4c5d6e7f8",
    context: "11111111-2222-4333-8444-555555555555\nanthropic\n12",
    iv: "0d1a2734414e5b6875828f9ca9b6c3d0",
    envelope:
      "v2.DRonNEFOW2h1go-cqbbD0Cmw1Sgeso7SHv6V5dmqjMgUA3Oi6ivkQUJNNE1DJvsjlJHWyzC_H3G5urlIGWXdBg",
  },
];
