// @ts-check
// The server: what is asked of it, and what it pushes.
/** @type {string} */
let token;
/** @type {(value?: unknown) => void} */
let release;
// Kept once the page knows what the server takes: what is asked of the session before waits for it.
export const session = new Promise(resolve => { release = resolve; });
export const ready = () => release();

/** The address of something that is this page's own. @param {string} path */
export const own = path => `api/session/${token}/${path}`;

/**
 * Ask, and throw what the server says is wrong.
 * @param {string} path
 * @param {{ method?: string, json?: object, body?: BodyInit }} [what]
 */
export async function ask(path, { method = "POST", json, body } = {}) {
  const all = path.startsWith("api/");
  if (!all) await session;
  let answer;
  try {
    answer = await fetch(all ? path : own(path), { method, body: json ? JSON.stringify(json) : body });
  } catch {
    throw new Error("The server does not answer. Is unmask app still running?");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error || `The server answered ${answer.status}.`);
}

/** @param {string} path @returns {Promise<any>} */
export const told = async (path, json = {}) => (await ask(path, { json })).json();

/**
 * Begin a session; return what the server offers.
 * @returns {Promise<import("./state.js").About>}
 */
export async function begin() {
  const about = await (await ask("api/about", { method: "GET" })).json();
  token = (await told("api/sessions")).token;
  return about;
}

const SILENCE = 2500, AGAIN = 1000; // milliseconds; the server says something every second (live.py)

/**
 * Listen to what the server pushes, and go on listening whatever happens to it.
 * @param {{ hear: (message: string | ArrayBuffer) => void, link: (there: boolean) => void,
 *   gone: () => Promise<void> }} to `link` is told whether the server is there, `gone` that it
 *   does not know this page any more.
 */
export function listen({ hear, link, gone }) {
  /** @type {WebSocket} */
  let socket;
  let heard = performance.now();
  const open = () => {
    const address = new URL(own("live"), location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const mine = socket = new WebSocket(address);
    heard = performance.now();
    mine.binaryType = "arraybuffer";
    mine.onmessage = event => {
      heard = performance.now();
      link(true);
      hear(event.data);
    };
    mine.onclose = async event => {
      if (mine !== socket) return;
      const known = event.code === 4404 && await gone().then(() => true, () => false);
      if (!known) link(false);
      setTimeout(open, known ? 0 : AGAIN);
    };
  };
  setInterval(() => {
    if (performance.now() - heard < SILENCE || socket.readyState > WebSocket.OPEN) return;
    link(false);
    const silent = socket;
    open();
    silent.close();
  }, 250);
  open();
}
