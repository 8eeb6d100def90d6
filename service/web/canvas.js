/** What every canvas of the page needs: its size, the page's colours, and how wide names are. */

/** Of rows and columns; and the room that a name may take. */
export const NAME_FONT = "12px system-ui, sans-serif";
export const LONGEST_NAME = 110;
/** Of names that are remembered. */
const MOST_WIDTHS = 20_000;

/** @type {Record<"ink" | "soft" | "card" | "accent" | "onAccent" | "hatching", string> | null} */
let inks = null;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
	inks = null;
});

/** The page's colours; read once, for to read them anew lays out the page each time. */
export function theme() {
	if (!inks) {
		const style = getComputedStyle(document.documentElement);
		const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`);
		inks = {
			ink: of("ink"),
			soft: of("soft"),
			card: of("card"),
			accent: of("accent"),
			onAccent: of("on-accent"),
			hatching: of("hatching"),
		};
	}
	return inks;
}

/** @type {Map<string, number>} */
const widths = new Map();

/**
 * How wide a name is in the context's font, which is always the same one.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @returns {number}
 */
export function widthOf(context, name) {
	let width = widths.get(name);
	if (width === undefined) {
		width = context.measureText(name).width;
		if (widths.size > MOST_WIDTHS) widths.clear();
		widths.set(name, width);
	}
	return width;
}

/**
 * As much of a name as there is room for.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} [room] in CSS pixels
 * @returns {string}
 */
export function shortened(context, name, room = LONGEST_NAME) {
	if (widthOf(context, name) <= room) return name;
	const characters = [...name].slice(0, room / 2);
	while (characters.length && widthOf(context, `${characters.join("")}…`) > room) characters.pop();
	return `${characters.join("")}…`;
}

/**
 * Give a canvas this size in CSS pixels, and as many pixels of its own as the screen has there.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} height
 */
export function fit(canvas, context, width, height) {
	const density = window.devicePixelRatio || 1;
	canvas.width = Math.round(width * density);
	canvas.height = Math.round(height * density);
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	context.setTransform(density, 0, 0, density, 0, 0);
}
