/** What the colours stand for. */

import { LEVELS } from "./colormaps.js";
import { palette } from "./colors.js";
import { element } from "./dom.js";
import { precise } from "./numbers.js";

/**
 * @param {HTMLElement} root
 * @param {Scale} scale
 * @param {string} colormap
 */
export function legend(root, scale, colormap) {
	const canvas = element("canvas", { width: LEVELS, height: 1, "aria-hidden": "true" });
	const image = new ImageData(LEVELS, 1);
	new Uint32Array(image.data.buffer).set(palette(colormap));
	canvas.getContext("2d")?.putImageData(image, 0, 0);
	root.replaceChildren(element("span", {}, round(scale.low)), canvas, element("span", {}, round(scale.high)));
}

/** @param {number} number @returns {string} three significant digits */
function round(number) {
	return precise(Number(number.toPrecision(3)));
}
