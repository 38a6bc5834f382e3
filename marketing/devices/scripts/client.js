// Tideline web push for pages: tideline.subscribe({idType, id, signature}), tideline.unsubscribe(), tideline.state().
(() => {
  "use strict";
  const config = "__TIDELINE__";
  const script = document.currentScript;
  const workerUrl = (script && script.dataset.worker) || "/tideline-sw.js";
  const supported = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

  const bytes = (text) => {
    const padded = (text + "=".repeat((4 - (text.length % 4)) % 4)).replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  };
  const same = (one, other) =>
    one && one.byteLength === other.byteLength && new Uint8Array(one).every((byte, place) => byte === other[place]);

  async function call(method, body) {
    const answer = await fetch(`${config.site}subscriptions`, {
      method,
      mode: "cors",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      throw new Error(problem.detail || `Tideline answered with ${answer.status}.`);
    }
  }

  async function subscribe({ idType, id, signature }) {
    if (!supported) throw new Error("This browser has no web push.");
    if ((await Notification.requestPermission()) !== "granted") return "denied";
    await navigator.serviceWorker.register(workerUrl);
    const registration = await navigator.serviceWorker.ready;
    const key = bytes(config.publicKey);
    let subscription = await registration.pushManager.getSubscription();
    if (subscription && !same(subscription.options.applicationServerKey, key)) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    await call("POST", { subscription: subscription.toJSON(), idType, id, signature });
    return "subscribed";
  }

  async function current() {
    if (!supported) return null;
    const registration = await navigator.serviceWorker.getRegistration(workerUrl);
    return registration ? registration.pushManager.getSubscription() : null;
  }

  async function unsubscribe() {
    const subscription = await current();
    if (!subscription) return;
    await call("DELETE", { endpoint: subscription.endpoint, auth: subscription.toJSON().keys.auth });
    await subscription.unsubscribe();
  }

  async function state() {
    if (!supported) return "unsupported";
    if (Notification.permission === "denied") return "denied";
    return (await current()) ? "subscribed" : "none";
  }

  window.tideline = Object.freeze({ subscribe, unsubscribe, state });
})();
