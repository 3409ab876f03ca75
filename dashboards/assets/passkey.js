// Ask the browser for a passkey: what to ask lies in the page as JSON, the answer goes
// back in a hidden field of the form around the button.
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const described = (list) => (list ?? []).map((each) => ({ ...each, id: decode(each.id) }));

async function made(asked) {
  const publicKey = {
    ...asked,
    challenge: decode(asked.challenge),
    user: { ...asked.user, id: decode(asked.user.id) },
    excludeCredentials: described(asked.excludeCredentials),
  };
  const found = await navigator.credentials.create({ publicKey });
  return {
    id: found.id,
    rawId: encode(found.rawId),
    type: found.type,
    response: {
      clientDataJSON: encode(found.response.clientDataJSON),
      attestationObject: encode(found.response.attestationObject),
    },
  };
}

async function shown(asked) {
  const publicKey = {
    ...asked,
    challenge: decode(asked.challenge),
    allowCredentials: described(asked.allowCredentials),
  };
  const found = await navigator.credentials.get({ publicKey });
  return {
    id: found.id,
    rawId: encode(found.rawId),
    type: found.type,
    response: {
      clientDataJSON: encode(found.response.clientDataJSON),
      authenticatorData: encode(found.response.authenticatorData),
      signature: encode(found.response.signature),
    },
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const words = form.querySelector("[data-passkey-words]");
  if (!window.PublicKeyCredential) {
    words.textContent = "This browser cannot use passkeys. Use another way.";
    continue;
  }
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.elements.passkey;
    if (field.value) return;
    event.preventDefault();
    const asked = JSON.parse(document.getElementById("passkey-asked").textContent).publicKey;
    try {
      const answer = form.dataset.passkey === "new" ? await made(asked) : await shown(asked);
      field.value = JSON.stringify(answer);
      form.submit();
    } catch (error) {
      words.textContent = "Nothing was shown. Try again, or use another way.";
    }
  });
}
