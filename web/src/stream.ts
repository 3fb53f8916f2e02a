// One EventSource with the notice "connection lost"; the browser reconnects by itself and the server continues.
export function stream(url: string, handlers: Record<string, (data: any) => void>): { close(): void } {
  const source = new EventSource(url);
  const notice = document.getElementById("connection");
  let lost: number | undefined;
  source.onopen = () => {
    window.clearTimeout(lost);
    if (notice) notice.hidden = true;
  };
  source.onerror = () => {
    window.clearTimeout(lost);
    // A browser comes back 3 s after the server, which checks the permission anew every minute, ended a stream.
    lost = window.setTimeout(() => notice && (notice.hidden = false), 6000);
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      handle(JSON.parse((event as MessageEvent).data || "{}"));
      if (name === "end") close();
    });
  }
  if (!handlers.end) source.addEventListener("end", () => close());
  const close = () => {
    window.clearTimeout(lost);
    source.close();
  };
  return { close };
}
