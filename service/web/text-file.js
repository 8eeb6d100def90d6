/** A button that opens a text file. */

import { element } from "./dom.js";
import { say, TEXT } from "./strings.js";

/** Bytes; the service takes less, and larger ones would only freeze the page. */
const MOST = 4 * 2 ** 20;

/** @param {(text: string) => void} open is given what the file holds @returns {HTMLElement} */
export function fileButton(open) {
	const news = element("span", { role: "status", class: "error" });
	const input = element("input", {
		type: "file",
		accept: ".txt,.md,text/plain",
		hidden: true,
		"aria-label": TEXT.openFile,
	});
	input.addEventListener("change", async () => {
		const [file] = input.files ?? [];
		input.value = ""; // the same one may be opened again
		if (!file) return;
		const isLarge = file.size > MOST;
		news.textContent = isLarge ? say(TEXT.largeFile, { name: file.name, most: MOST / 2 ** 20 }) : "";
		if (!isLarge) open(await file.text());
	});
	const button = element("button", { type: "button", class: "quiet", onclick: () => input.click() }, TEXT.openFile);
	return element("div", { class: "row" }, button, input, news);
}
