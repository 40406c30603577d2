-- Only paths that generate, and lists of models. Files, batches, fine-tuning and administration are left out: with
-- the operator's key they would show and cost what does not belong to the caller.
insert into private.llm_providers
  (provider, name, base_url, auth_header, auth_scheme, extra_headers, path_prefixes, check_path)
values
  (
    'openai', 'OpenAI', 'https://api.openai.com', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/completions,/v1/responses,/v1/embeddings,/v1/moderations,/v1/models}', '/v1/models'
  ),
  (
    -- https://docs.anthropic.com/en/api/versioning
    'anthropic', 'Anthropic', 'https://api.anthropic.com', 'x-api-key', null, '{"anthropic-version": "2023-06-01"}',
    '{/v1/messages,/v1/models}', '/v1/models'
  ),
  (
    'google', 'Google Gemini', 'https://generativelanguage.googleapis.com', 'x-goog-api-key', null, '{}',
    '{/v1beta/models,/v1/models}', '/v1beta/models?pageSize=1'
  ),
  (
    'mistral', 'Mistral', 'https://api.mistral.ai', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/fim/completions,/v1/embeddings,/v1/models}', '/v1/models'
  ),
  (
    -- Everybody may read its list of models, so that request would not check a key.
    'openrouter', 'OpenRouter', 'https://openrouter.ai', 'authorization', 'Bearer', '{}',
    '{/api/v1/chat/completions,/api/v1/completions,/api/v1/models,/api/v1/key}', '/api/v1/key'
  ),
  (
    'groq', 'Groq', 'https://api.groq.com', 'authorization', 'Bearer', '{}',
    '{/openai/v1/chat/completions,/openai/v1/responses,/openai/v1/models}', '/openai/v1/models'
  ),
  (
    -- Its own base URL has no version, and OpenAI's clients may add one: both reach the same API.
    'deepseek', 'DeepSeek', 'https://api.deepseek.com', 'authorization', 'Bearer', '{}',
    '{/chat/completions,/v1/chat/completions,/models,/v1/models}', '/models'
  ),
  (
    'xai', 'xAI', 'https://api.x.ai', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/responses,/v1/models}', '/v1/models'
  );
