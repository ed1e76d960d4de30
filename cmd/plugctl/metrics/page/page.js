// Takes a new main part every so often. What the plug says about itself comes
// with it; that plugctl itself no longer answers, only this script can tell.
"use strict";
const main = document.getElementById("main");
const cut = document.getElementById("cut");
const every = document.body.dataset.refresh * 1000;

async function look() {
	try {
		const answer = await fetch("main", {cache: "no-store", signal: AbortSignal.timeout(30000)});
		if (!answer.ok) throw new Error(answer.status);
		main.innerHTML = await answer.text();
		main.classList.remove("old");
		cut.hidden = true;
	} catch {
		if (cut.hidden) cut.querySelector("span").textContent = new Date().toLocaleString();
		cut.hidden = false;
		main.classList.add("old");
	}
	document.title = document.title.replace(/^(no answer: )?/, document.querySelector(".away:not([hidden])") ? "no answer: " : "");
	setTimeout(look, every);
}
setTimeout(look, every);
