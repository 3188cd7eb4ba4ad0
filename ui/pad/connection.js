// What happens when the page's server does not answer: the old answer is dimmed, one sentence says so, and the page goes on by itself.
//
// Gradio gives up at the first request that fails, shows an error and reloads the page once the server is back. So requests that fail
// on the way are sent again here, before Gradio hears of it; where it reloads nevertheless, session.js puts everything back.

const PATIENCE = 3000; // ms without an answer until the page says so
const GIVE_UP = 90_000; // ms without an answer from a server that is there, until the page is loaded again; longer than any deadline
const AGAIN = 1000; // ms between two tries
const LOST = "This page has lost its server. Your drawing is kept and is read as soon as the server is back.";
const LATE = "There is no answer yet. Your drawing is kept, and the page goes on waiting.";
const BUSY = [502, 503, 504]; // of a proxy whose server restarts, and of a queue that is full

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const browserFetch = window.fetch.bind(window);
let lastProgress = null; // when the page began to wait, or got its last answer; null while nothing is unanswered

async function fetchUntilAnswered(target, options) {
  for (;;) {
    try {
      const answer = await browserFetch(target, options);
      if (!BUSY.includes(answer.status)) return answer;
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
    await sleep(AGAIN);
  }
}

window.fetch = async (target, options) => {
  const { pathname } = new URL(target.url ?? target, document.baseURI);
  if (/\/queue\/(join|data)$/.test(pathname)) return fetchUntilAnswered(target, options);
  if (pathname.endsWith("/app_id")) while (stroke) await sleep(PAUSE); // its answer reloads the page: not under the pen
  return browserFetch(target, options);
};

async function serverAnswers() {
  try {
    return (await browserFetch("gradio_api/app_id", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) })).ok;
  } catch {
    return false;
  }
}

const desk = element.closest("#desk");
const lost = document.createElement("p");
lost.className = "lost";
lost.setAttribute("role", "status");

function expectAnswer() {
  lastProgress ??= Date.now();
  desk.dataset.answer = "old";
}

// Called whenever the panel changes. An answer that names no question is a refusal of what was sent.
function noteAnswer() {
  const panel = document.querySelector("#panel .answer");
  if (lastProgress === null || !panel) return;
  const number = Number(panel.dataset.asked);
  lastProgress = Date.now();
  lost.textContent = "";
  const isNewest = number >= asked || (number === 0 && panel.dataset.state === "trouble");
  if (!isNewest || waiting) return; // `waiting`: the drawing has changed since it was last sent
  lastProgress = null;
  delete desk.dataset.answer;
}

async function watchConnection() {
  const panel = document.querySelector("#panel");
  panel.parentElement.prepend(lost);
  new MutationObserver(noteAnswer).observe(panel, { childList: true, subtree: true });
  for (;;) {
    await sleep(AGAIN / 2);
    if (lastProgress === null || Date.now() - lastProgress < PATIENCE) continue;
    const told = (await serverAnswers()) ? LATE : LOST;
    if (lastProgress === null || Date.now() - lastProgress < PATIENCE) continue;
    lost.textContent = told;
    if (told === LATE && Date.now() - lastProgress > GIVE_UP && !stroke) location.reload();
  }
}
