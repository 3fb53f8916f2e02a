// One EventSource with the notice "connection lost"; the browser reconnects by itself and the server continues. A page that
// nobody sees lets its connection go: browsers have six for a host, and a seventh tab would wait for ever.
export function stream(url: string, handlers: Record<string, (data: any) => void>): { close(): void } {
  const notice = document.getElementById("connection");
  let source: EventSource | undefined;
  let [lost, pause] = [0, 0];
  let [last, ended] = ["", false];

  const open = () => {
    const from = last ? `${url.includes("?") ? "&" : "?"}after=${encodeURIComponent(last)}` : "";
    source = new EventSource(url + from);
    source.onopen = () => {
      window.clearTimeout(lost);
      if (notice) notice.hidden = true;
    };
    source.onerror = () => {
      window.clearTimeout(lost);
      // A browser comes back 3 s after the server, which checks the permission anew every minute, ended a stream.
      lost = window.setTimeout(() => notice && (notice.hidden = false), 6000);
    };
    for (const name of new Set([...Object.keys(handlers), "end"])) {
      source.addEventListener(name, (event) => {
        const message = event as MessageEvent;
        last = message.lastEventId || last;
        handlers[name]?.(JSON.parse(message.data || "{}"));
        if (name === "end") close();
      });
    }
  };
  const shut = () => {
    window.clearTimeout(lost);
    source?.close();
    source = undefined;
  };
  const seen = () => {
    window.clearTimeout(pause);
    if (document.hidden) pause = window.setTimeout(shut, 5000);
    else if (!source && !ended) {
      open();
      handlers.changed?.({});
    }
  };
  const close = () => {
    ended = true;
    window.clearTimeout(pause);
    document.removeEventListener("visibilitychange", seen);
    shut();
  };
  document.addEventListener("visibilitychange", seen);
  open();
  return { close };
}
