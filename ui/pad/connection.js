// What happens when the page's server does not answer: one sentence says so, and the page goes on by itself.
//
// Gradio gives up at the first request that fails, shows an error and reloads the page once the server is back. So requests that fail
// on the way are sent again here, before Gradio hears of it; where it reloads nevertheless, session.js puts everything back.

import { noteAnswer, PAUSE, progress } from "./asking.js";
import { pad } from "./state.js";

const TIMEOUT = 3000; // ms without an answer until the page says so
const GIVE_UP = 90_000; // ms without an answer from a server that is there, until the page is loaded again; longer than any deadline
const AGAIN = 1000; // ms between two tries
const LOST = "This page has lost its server. Your drawing is kept and is read as soon as the server is back.";
const LATE = "There is no answer yet. Your drawing is kept, and the page goes on waiting.";
const BUSY = [502, 503, 504]; // of a proxy whose server restarts, and of a queue that is full

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const browserFetch = window.fetch.bind(window);

async function fetchUntilAnswered(target, options) {
  for (;;) {
    try {
      const response = await browserFetch(target, options);
      if (!BUSY.includes(response.status)) return response;
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
    await sleep(AGAIN);
  }
}

function sendAgain() {
  window.fetch = async (target, options) => {
    const { pathname } = new URL(target.url ?? target, document.baseURI);
    if (/\/queue\/(join|data)$/.test(pathname)) return fetchUntilAnswered(target, options);
    if (pathname.endsWith("/app_id")) while (pad.stroke) await sleep(PAUSE); // its answer reloads the page: not under the pen
    return browserFetch(target, options);
  };
}

async function serverAnswers() {
  try {
    return (await browserFetch("gradio_api/app_id", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) })).ok;
  } catch {
    return false;
  }
}

const isLate = () => progress.at !== null && Date.now() - progress.at >= TIMEOUT;

export async function watchConnection() {
  sendAgain();
  const panel = document.querySelector("#panel");
  const lost = document.createElement("p");
  lost.className = "lost";
  lost.setAttribute("role", "status");
  panel.parentElement.prepend(lost);
  new MutationObserver(() => noteAnswer() && (lost.textContent = "")).observe(panel, { childList: true, subtree: true });
  for (;;) {
    await sleep(AGAIN / 2);
    if (!isLate()) continue;
    const sentence = (await serverAnswers()) ? LATE : LOST;
    if (!isLate()) continue;
    lost.textContent = sentence;
    if (sentence === LATE && Date.now() - progress.at > GIVE_UP && !pad.stroke) location.reload();
  }
}
