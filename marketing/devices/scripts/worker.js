// Tideline web push for service workers: shows messages, opens their links, and reports what became of them.
(() => {
  "use strict";
  // A plain text needs no permission of the other side, and its answer does not matter.
  const report = (data, event) =>
    data.report
      ? fetch(data.report, { method: "POST", mode: "no-cors", credentials: "omit", keepalive: true, body: event }).catch(
          () => undefined,
        )
      : Promise.resolve();

  const read = (event) => {
    try {
      const data = event.data ? event.data.json() : null;
      return data && data.tideline === 1 ? data : null;
    } catch {
      return null;
    }
  };

  self.addEventListener("push", (event) => {
    const data = read(event);
    if (!data) return;
    const options = { body: data.body, tag: data.tag, data };
    event.waitUntil(self.registration.showNotification(data.title, options).then(() => report(data, "shown")));
  });

  const open = async (url) => {
    const target = new URL(url || "/", self.registration.scope).href;
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = pages.find((known) => known.url === target);
    return page ? page.focus() : self.clients.openWindow(target);
  };

  self.addEventListener("notificationclick", (event) => {
    const data = event.notification.data;
    if (!data || data.tideline !== 1) return;
    event.notification.close();
    event.waitUntil(Promise.allSettled([open(data.url), report(data, "clicked")]));
  });

  self.addEventListener("notificationclose", (event) => {
    const data = event.notification.data;
    if (data && data.tideline === 1) event.waitUntil(report(data, "closed"));
  });

  self.addEventListener("install", () => self.skipWaiting());
})();
