// Calls of the listener that the page came from.
import { $ } from './dom.js';

/** The API refuses: what it said, and what to do. */
export class Refused extends Error {
  constructor(status, { code, message, hint }) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** Nobody answered, or not in a way that is understood. */
export class Away extends Error {}

const timeout = 25_000; // ms; an order may take 20 s
const kept = 'sidecar-token';
let asking = null; // the dialog that is open, as a promise
let declined = false;

/** Makes one call; asks for the token when one is needed. */
export async function call(method, path, body) {
  for (;;) {
    const token = sessionStorage.getItem(kept);
    try {
      return await once(method, path, body, token);
    } catch (e) {
      if (!(e instanceof Refused) || e.status !== 401 || declined) throw e;
      // Another call may have got a token while this one was under way.
      if (token === sessionStorage.getItem(kept) && !(await login(token ? e : null))) throw e;
    }
  }
}

async function once(method, path, body, token) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers['Content-Type'] = 'application/json';
  let response, answer;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: 'no-store', credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(timeout) });
    answer = await response.json();
  } catch (e) {
    throw new Away(e.name === 'TimeoutError' ? 'no answer in time' : e.message);
  }
  if (response.ok) return answer;
  if (!answer?.error?.message) throw new Away(`answered ${response.status}`);
  throw new Refused(response.status, answer.error);
}

/** Asks for the token; false = the person does not want to give one. */
export function login(refusal = null) {
  declined = false;
  asking ??= ask(refusal).finally(() => { asking = null; });
  return asking;
}

function ask(refusal) {
  const dialog = $('login');
  $('token').value = '';
  $('login-refused').hidden = !refusal;
  $('login-refused').textContent = refusal ? `${refusal.message}. ${refusal.hint}` : '';
  return new Promise((done) => {
    let given = false;
    $('login-form').onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(kept, $('token').value);
      given = true;
      dialog.close();
    };
    $('login-cancel').onclick = () => dialog.close();
    dialog.onclose = () => {
      $('token').value = '';
      declined = !given;
      done(given);
    };
    dialog.showModal();
  });
}
