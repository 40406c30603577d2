-- Rolls back account data. Destroys the records of deleted accounts and the key of their hashes, so a person who returns
-- counts as new.
delete from vault.secrets as s
where s.name = 'deleted_email_key';

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop trigger users_return_redemptions on public.users;
drop function private.return_redemptions();
drop function private.remember_email(uuid, text);
drop trigger users_refuse_second_opening on public.users;
drop function private.refuse_second_opening();
drop trigger users_record_deleted on public.users;
drop function private.record_deleted_user();
drop function private.is_deleted_user(uuid);
drop function private.hash_email(text);
drop function public.get_my_account();
drop function private.get_my_account();
drop trigger pinebase_500_email_confirmed on auth.users;
drop trigger pinebase_500_email_added on auth.users;
drop function private.follow_confirmed_email();
drop function public.export_user_data(uuid, text, text);
drop function private.export_user_data(uuid, text, text);
drop function private.export_sections();
drop function public.export_my_data(text, text);
drop function private.export_my_data(text, text);
drop table private.deleted_users;
drop function public.delete_user(uuid);
drop function private.delete_user(uuid);
drop function private.remember_use(text, uuid, text);
drop function private.person_used(text, uuid, text);
drop table private.account_uses;
drop table private.account_emails;
drop function private.account_document(uuid);
