// Runs in a bare V8 beside `nunjitsu`. One entrance: a JSON job in, a JSON reply out. Semantics are Backstage 1.55's,
// but a broken expression fails with its place instead of passing through as text.
(() => {
  const { createTemplateRenderer } = nunjitsu;

  const parseEntityRef = (ref, context) => {
    const found = /^(?:([^:/]+):)?(?:([^:/]+)\/)?([^:/]+)$/.exec(String(ref));
    if (!found) throw new Error(`'${ref}' is no entity reference`);
    const kind = found[1] ?? context?.defaultKind;
    if (!kind) throw new Error(`'${ref}' names no kind`);
    return { kind, namespace: found[2] ?? context?.defaultNamespace ?? "default", name: found[3] };
  };

  const parseRepoUrl = (text) => {
    const [host, query = ""] = String(text).replace(/^https?:\/\//, "").split("?");
    const out = { host };
    for (const pair of query.split("&").filter(Boolean)) {
      const [key, value = ""] = pair.split("=");
      out[decodeURIComponent(key)] = decodeURIComponent(value);
    }
    if (!out.repo && !out.project) throw new Error(`'${text}' names no repository`);
    return out;
  };

  const filters = {
    parseRepoUrl,
    parseEntityRef,
    pick: (value, key) => value?.[key],
    projectSlug: (text) => {
      const { owner, repo } = parseRepoUrl(text);
      return `${owner}/${repo}`;
    },
    jsonify: (value) => JSON.stringify(value),
  };

  const renderers = new Map();
  const renderer = (options = {}) => {
    const key = JSON.stringify(options);
    if (!renderers.has(key)) {
      const { jsonify, ...usual } = filters;
      renderers.set(key, createTemplateRenderer({ allowRegexExecution: true, filters: options.cookiecutterCompat ? { ...usual, jsonify } : usual, ...options }));
    }
    return renderers.get(key);
  };

  const placed = (error, file) => {
    error.file = file;
    return error;
  };

  const renderValue = (engine, value, context, path) => {
    if (typeof value === "string") {
      try {
        return engine.renderValue(value, context);
      } catch (error) {
        throw placed(error, path);
      }
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => renderValue(engine, item, context, `${path}[${index}]`) ?? null);
    }
    if (value && typeof value === "object") {
      const out = {};
      for (const [key, item] of Object.entries(value)) {
        const rendered = renderValue(engine, item, context, path ? `${path}.${key}` : key);
        if (rendered !== undefined) out[key] = rendered;
      }
      return out;
    }
    return value;
  };

  const renderTexts = (engine, texts, context, label) => {
    const out = {};
    for (const [key, text] of Object.entries(texts)) {
      try {
        out[key] = /[{][{%#]/.test(text) ? engine.render(text, context) : text;
      } catch (error) {
        throw placed(error, label(key));
      }
    }
    return out;
  };

  const jobs = {
    values: ({ template, context }) => {
      const engine = renderer();
      const value = renderValue(engine, template, engine.prepareContext(context), "");
      return { value: value === undefined ? null : value, defined: value !== undefined };
    },
    files: ({ names, texts, values, cookiecutter, trim_blocks: trimBlocks, lstrip_blocks: lstripBlocks }) => {
      const engine = renderer({ cookiecutterCompat: Boolean(cookiecutter), trimBlocks: Boolean(trimBlocks), lstripBlocks: Boolean(lstripBlocks) });
      const context = engine.prepareContext(cookiecutter ? { cookiecutter: values } : { values });
      return {
        names: renderTexts(engine, names, context, (key) => `the name ${key}`),
        texts: renderTexts(engine, texts, context, (key) => key),
      };
    },
  };

  globalThis.towpath = (text) => {
    const job = JSON.parse(text);
    try {
      return JSON.stringify({ result: jobs[job.op](job) });
    } catch (error) {
      const { message, line, column, file, limit } = error;
      return JSON.stringify({ error: { message: String(message), line, column, file, limit } });
    }
  };
})();
