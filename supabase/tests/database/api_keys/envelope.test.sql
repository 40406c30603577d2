-- The format of stored keys: an envelope opens with its own secret and context, and nothing else opens.
--
-- The vectors were made by the independent implementation in tests/support/envelope.ts, which is tested with them too. A
-- change of the format must change them in both places.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

create temporary table vectors (name text, plaintext text, secret text, context text, envelope text);

insert into vectors
values
  ('a key of usual length', 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789', 'a secret of more than 16 bytes', '', 'v2.AQIDBAUGBwgJCgsMDQ4PECC_PjjVeuywH4sLNd29TZFJfzYrX7cbNj9hI5blGWdlNftXcr3Ry5qgTxOXxwGQgEdqrRERAQTZlJ29f5nKvdhSPLzx4Af7U-Q0Thu1Xdw4'),
  ('the shortest secret', 'sk-12345', '0123456789abcdef', '', 'v2.AwYJDA8SFRgbHiEkJyotMNNCtS3I5f--IbTq4PfV0rHu79LNcB1tCTPlJw1z4FssP6_mxUVCKpKt1RA37OEE6A'),
  ('an empty text', '', '0123456789abcdef0123456789abcdef', '', 'v2.BQoPFBkeIygtMjc8QUZLUA7F-tiJhGnUxSoRq-ioa4-SQJ-hhX1MXhQaIkLSvf6euSdxlG79Mh783WOzOKUyFg'),
  ('exactly one block', '0123456789abcdef', '0123456789abcdef0123456789abcdef', '', 'v2.Bw4VHCMqMTg_Rk1UW2JpcEKk8gfQGENUUTkf1LKcyAPqHX2NLzw7AshFMbrAu8HgTHuHidG1a8O1CEJd5WD_Wn0r43P-HxaysgMqMPyiJw4'),
  ('text and secret beyond ASCII', 'ключ 🔑 clé', 'пароль-пароль', '', 'v2.CRIbJC02P0hRWmNsdX6HkBBdEEP18lJ-NKnbtnuyoUXa3hlP3HS0JCWBmc68UJBr0EPetCOvEhELY4tpsz6ZCwVMV-7iJ_trg5tAzjAmSsc'),
  ('a stored key of version 1', 'sk-stored-key-1', '5f2d9c1e7a3b4f608192a3b4c5d6e7f85f2d9c1e7a3b4f608192a3b4c5d6e7f8', E'11111111-2222-4333-8444-555555555555\nopenai\n1', 'v2.CxYhLDdCTVhjbnmEj5qlsEoJFhpfq2NQa-D3v8lLOYQ0BXmDu-3yyTLs3IC0yuCFHllZMq7ZJ4xF1ImRjmpV3A'),
  ('a stored key of version 12', 'sk-stored-key-2', '5f2d9c1e7a3b4f608192a3b4c5d6e7f85f2d9c1e7a3b4f608192a3b4c5d6e7f8', E'11111111-2222-4333-8444-555555555555\nanthropic\n12', 'v2.DRonNEFOW2h1go-cqbbD0Cmw1Sgeso7SHv6V5dmqjMgUA3Oi6ivkQUJNNE1DJvsjlJHWyzC_H3G5urlIGWXdBg');

-- The text, or the error with all its fields.
create function pg_temp.decrypted(encrypted_key text, secret text)
returns text
language plpgsql
as $$
declare
  v_detail text;
  v_hint text;
begin
  return public.decrypt_api_key(encrypted_key, secret);
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail, v_hint = pg_exception_hint;
    return format('%s|%s|%s|%s', sqlstate, sqlerrm, v_detail, v_hint);
end;
$$;

create temporary table refused as
select 'PT500|The ciphertext cannot be decrypted with this secret. Check both.|decryption_failed|'::text as answer;

-- ------------------------------------------------------------------ what opens

select is(private.open_sealed(envelope, secret, context), plaintext, name || ' opens')
from vectors;

select is(public.decrypt_api_key(envelope, secret), plaintext, name || ' opens by decrypt_api_key')
from vectors
where context = '';

select is(
  public.decrypt_api_key(public.encrypt_api_key(plaintext, 'a secret of 24 bytes ...'), 'a secret of 24 bytes ...'),
  plaintext,
  'what is encrypted can be decrypted: ' || name
)
from vectors;

select is(
  public.decrypt_api_key(public.encrypt_api_key(repeat('x', 100000), 'a secret of 24 bytes ...'), 'a secret of 24 bytes ...'),
  repeat('x', 100000),
  'a long text can be decrypted'
);
select matches(
  public.encrypt_api_key('sk-12345678', '0123456789abcdef'), '^v2\.[A-Za-z0-9_-]{86}$',
  'an envelope is v2. and the base64url of IV, ciphertext and tag'
);
select isnt(
  public.encrypt_api_key('sk-12345678', '0123456789abcdef'), public.encrypt_api_key('sk-12345678', '0123456789abcdef'),
  'two encryptions of one key differ'
);

-- ------------------------------------------------------------- what does not open

select is_empty(
  $$select v.name, n
    from vectors as v
    cross join generate_series(4, char_length(v.envelope)) as n
    cross join unnest(array['A', 'B', '_']) as c
    where substr(v.envelope, n, 1) <> c
      and private.open_sealed(overlay(v.envelope placing c from n for 1), v.secret, v.context) is not null$$,
  'an envelope with any character changed does not open'
);
select is_empty(
  $$select v.name, n, bit
    from vectors as v
    cross join lateral (select decode(rpad(translate(substr(v.envelope, 4), '-_', '+/'), (char_length(v.envelope)) / 4 * 4, '='), 'base64') as bytes) as d
    cross join generate_series(0, octet_length(d.bytes) - 1) as n
    cross join unnest(array[1, 128]) as bit
    where private.open_sealed('v2.' || private.base64url(set_byte(d.bytes, n, get_byte(d.bytes, n) # bit)), v.secret, v.context) is not null$$,
  'an envelope with any byte flipped does not open'
);
select is_empty(
  $$select v.name, n
    from vectors as v
    cross join generate_series(0, char_length(v.envelope) - 1) as n
    where private.open_sealed(left(v.envelope, n), v.secret, v.context) is not null
       or private.open_sealed(right(v.envelope, n), v.secret, v.context) is not null$$,
  'an envelope cut off at either end does not open'
);
select is_empty(
  $$select v.name, tail
    from vectors as v
    cross join unnest(array['=', '==', 'A', 'AAAA', ' ', E'\n', '.']) as tail
    where private.open_sealed(v.envelope || tail, v.secret, v.context) is not null
       or private.open_sealed(overlay(v.envelope placing tail from 20 for 0), v.secret, v.context) is not null$$,
  'an envelope with something added does not open'
);
select is_empty(
  $$select one.name, other.name
    from vectors as one
    cross join vectors as other
    where (one.secret, one.context) <> (other.secret, other.context)
      and private.open_sealed(one.envelope, other.secret, other.context) is not null$$,
  'an envelope does not open with another secret or context'
);

-- The context is authenticated with its length, so that no byte can move from the context to the ciphertext.
select is(
  private.open_sealed(private.seal('sk-12345678', '0123456789abcdef', E'a\nb'), '0123456789abcdef', 'a'), null,
  'an envelope does not open with a part of its context'
);
select is(private.api_key_context('11111111-2222-4333-8444-555555555555', 'openai', 1), (select context from vectors where name = 'a stored key of version 1'), 'the context of a stored key is its user, provider and version');

select is(pg_temp.decrypted(v.envelope, v.secret), r.answer, 'decrypt_api_key does not open ' || v.name)
from vectors as v, refused as r
where v.context <> '';

-- All of these get the same error, so that it does not reveal the reason.
select is(pg_temp.decrypted(c.encrypted, c.secret), r.answer, 'decryption_failed for ' || c.what)
from refused as r, (
  select 'a wrong secret', envelope, 'not the secret of this one' from vectors where name = 'a key of usual length'
  union all select 'a secret that is too short', envelope, 'short' from vectors where name = 'a key of usual length'
  union all select 'an empty secret', envelope, '' from vectors where name = 'a key of usual length'
  union all select 'the prefix in capitals', 'V' || substr(envelope, 2), secret from vectors where name = 'a key of usual length'
  union all select 'another version of the format', 'v3' || substr(envelope, 3), secret from vectors where name = 'a key of usual length'
  -- AES-CBC in base64 without IV and tag, as the functions of the original schema made it.
  union all select 'a ciphertext without a tag', 'QuAXOpcE1HqLE7Kd1b8sZOmY0i0/qaJOd9UiejkxIVk=', 'old-secret-16byte'
  union all select 'the envelope without its prefix', substr(envelope, 4), secret from vectors where name = 'a key of usual length'
  union all select 'nothing', '', 'a secret of more than 16 bytes'
  union all select 'the prefix alone', 'v2.', 'a secret of more than 16 bytes'
  union all select 'an envelope that is not base64', 'v2.!"$%&/()', 'a secret of more than 16 bytes'
  union all select 'what is not base64', 'ключ', 'a secret of more than 16 bytes'
  union all select '1 MB of noise', repeat(md5('noise'), 32768), 'a secret of more than 16 bytes'
  union all select '1 MB of noise in an envelope', 'v2.' || repeat(md5('noise'), 32768), 'a secret of more than 16 bytes'
) as c (what, encrypted, secret);

-- ---------------------------------------------------------------------- arguments

select is(pg_temp.decrypted(null, 'x'), 'PT422|Give the encrypted key and its secret.|invalid_argument|{"argument": "encrypted_key"}', 'decrypting null is refused');
select is(pg_temp.decrypted('x', null), 'PT422|Give the encrypted key and its secret.|invalid_argument|{"argument": "secret"}', 'decrypting without a secret is refused');
select throws_ok($$select public.encrypt_api_key(null, '0123456789abcdef')$$, 'PT422', null, 'encrypting null is refused');
select throws_ok($$select public.encrypt_api_key('sk', '0123456789abcde')$$, 'PT422', null, 'a secret of 15 bytes is refused');
select lives_ok($$select public.encrypt_api_key('sk', '0123456789abcdef')$$, 'a secret of 16 bytes is accepted');
select lives_ok($$select public.encrypt_api_key('sk', 'ключключ')$$, 'the secret''s length is counted in bytes, not in characters');
select throws_ok($$select public.encrypt_api_key('sk', null)$$, 'PT422', null, 'encrypting without a secret is refused');

select * from finish();

rollback;
