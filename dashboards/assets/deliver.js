// Send a file of any size in pieces: what has arrived stays, so a lost connection or a
// closed page costs one piece. Without this script the form sends a small file whole.
const form = document.querySelector("form[data-begin]");
const box = document.getElementById("progress");
const WAITS = [1000, 2000, 5000, 10000, 20000]; // milliseconds between attempts
const HASHED_BYTES = 64 * 1024 * 1024; // a larger file is not held in memory for it

function headers(type) {
  return { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, "Content-Type": type };
}

class Refused extends Error {}

async function asked(address, options) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  // Who is signed out is led to the sign-in page, which is no answer about the file.
  if (answer.redirected) {
    throw new Refused("You are not signed in any more. Load this page again, sign in and choose the same file: what has arrived stays.");
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.status >= 400 && answer.status !== 503) {
    throw new Refused(told.problem ?? "The delivery was refused. Sign in again and try once more.");
  }
  if (!answer.ok) throw new Error(told.problem ?? "no answer");
  return told;
}

// A connection that fails is tried again; a refusal is final.
async function patiently(attempt) {
  for (const wait of WAITS) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused) throw error;
      say(`The connection was lost. Trying again in ${wait / 1000} seconds.`);
      await new Promise((done) => setTimeout(done, wait));
    }
  }
  return attempt();
}

function say(words) {
  box.querySelector("[data-words]").textContent = words;
}

function show(offset, size) {
  const share = size ? Math.floor((100 * offset) / size) : 100;
  const bar = box.querySelector("progress");
  bar.value = share;
  bar.textContent = `${share}%`;
  say(`${share}% of the file has arrived. You can close this page and go on later with the same file.`);
}

async function sha256(file) {
  if (!globalThis.crypto?.subtle || file.size > HASHED_BYTES) return "";
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function deliver(file) {
  const told = Object.fromEntries(new FormData(form));
  delete told.file;
  delete told.csrfmiddlewaretoken;
  const begin = () => asked(form.dataset.begin, {
    method: "POST",
    headers: headers("application/json"),
    body: JSON.stringify({
      ...told,
      file_name: file.name,
      size: file.size,
      key: `${file.name}|${file.size}|${file.lastModified}|${told.mends ?? ""}`,
    }),
  });
  const begun = await patiently(begin);
  if (begun.run_id) return finish(begun.id, "");
  const whole = sha256(file);
  let offset = begun.offset;
  show(offset, file.size);
  const size = Number(form.dataset.pieceBytes);
  while (offset < file.size) {
    const from = offset;
    const piece = file.slice(from, from + size);
    ({ offset } = await patiently(() => asked(`${form.dataset.piece.replace("/0/", `/${begun.id}/`)}?offset=${from}`, {
      method: "PUT",
      headers: headers("application/octet-stream"),
      body: piece,
    })));
    show(offset, file.size);
  }
  return finish(begun.id, await whole);
}

async function finish(id, sha256) {
  const { href } = await patiently(() => asked(form.dataset.finish.replace("/0/", `/${id}/`), {
    method: "POST",
    headers: headers("application/json"),
    body: JSON.stringify({ sha256 }),
  }));
  window.location.assign(href);
}

form?.addEventListener("submit", async (event) => {
  const file = form.elements.file.files[0];
  if (!file) return; // the server says what is missing
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  box.hidden = false;
  try {
    await deliver(file);
  } catch (error) {
    say(error.message);
    button.disabled = false;
  }
});
