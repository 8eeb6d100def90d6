/** Drawing a matrix into a window of a canvas: cells, their numbers, what is lit up, and the names of rows and columns. */

import { levelOf, picture, takesBlack } from "./colors.js";
import { Matrix } from "./matrix.js";
import { short } from "./numbers.js";

const NUMBER_WIDTH = 34;
const NUMBER_HEIGHT = 15;
const LABEL_PIXELS = 12;

/**
 * One pixel for each cell, or for each bin of cells where a screen pixel holds several.
 * @param {Matrix} matrix
 * @param {Scale} scale
 * @param {Uint32Array} colors
 * @param {Geometry} geometry
 * @param {number} density device pixels of a CSS pixel
 * @returns {OffscreenCanvas}
 */
export function bitmap(matrix, scale, colors, geometry, density) {
	const rows = Math.ceil(matrix.rows * Math.min(1, geometry.cellHeight * density));
	const columns = Math.ceil(matrix.columns * Math.min(1, geometry.cellWidth * density));
	const image = picture(matrix.pooled(rows, columns), scale, colors);
	const canvas = new OffscreenCanvas(image.width, image.height);
	canvas.getContext("2d")?.putImageData(image, 0, 0);
	return canvas;
}

/**
 * The cells that are seen, with sharp edges at any zoom.
 * @param {CanvasRenderingContext2D} context whose origin is the window's
 * @param {OffscreenCanvas} pixels
 * @param {Geometry} geometry
 */
export function drawCells(context, pixels, geometry) {
	context.imageSmoothingEnabled = false;
	context.drawImage(
		pixels,
		-geometry.left,
		-geometry.top,
		geometry.columns * geometry.cellWidth,
		geometry.rows * geometry.cellHeight,
	);
}

/**
 * The numbers in the cells, where these are large enough.
 * @param {CanvasRenderingContext2D} context
 * @param {Matrix} matrix
 * @param {Scale} scale
 * @param {Uint32Array} colors
 * @param {Geometry} geometry
 */
export function drawNumbers(context, matrix, scale, colors, geometry) {
	if (geometry.cellWidth < NUMBER_WIDTH || geometry.cellHeight < NUMBER_HEIGHT) return;
	context.font = "11px monospace";
	context.textAlign = "center";
	context.textBaseline = "middle";
	const { firstRow, lastRow, firstColumn, lastColumn } = geometry.visible;
	const black = takesBlack(colors);
	for (let row = firstRow; row < lastRow; row++)
		for (let column = firstColumn; column < lastColumn; column++) {
			const number = matrix.at(row, column);
			if (!(number > -Infinity)) continue; // hatched
			context.fillStyle = black[levelOf(number, scale)] ? "#000" : "#fff";
			context.fillText(short(number), geometry.middleX(column), geometry.middleY(row) + 0.5);
		}
}

/**
 * Frames around rows, columns and cells: dark within light, so that they are seen on every colour.
 * @param {CanvasRenderingContext2D} context
 * @param {readonly Light[]} lights
 * @param {Geometry} geometry
 * @param {string} color
 */
export function drawLights(context, lights, geometry, color) {
	for (const { row, column } of lights) {
		const x = column === undefined ? geometry.x(0) : geometry.x(column);
		const y = row === undefined ? geometry.y(0) : geometry.y(row);
		const width = geometry.cellWidth * (column === undefined ? geometry.columns : 1);
		const height = geometry.cellHeight * (row === undefined ? geometry.rows : 1);
		context.lineWidth = 4;
		context.strokeStyle = "#fff";
		context.strokeRect(x, y, width, height);
		context.lineWidth = 2;
		context.strokeStyle = color;
		context.strokeRect(x, y, width, height);
	}
}

/**
 * The names of rows, right-aligned before the window, and of columns, upright above it; thinned where they would touch.
 * @param {CanvasRenderingContext2D} context
 * @param {Geometry} geometry
 * @param {readonly string[]} rowNames none: not drawn
 * @param {readonly string[]} columnNames
 * @param {{color: string, font: string, lit: readonly Light[]}} style
 */
export function drawNames(context, geometry, rowNames, columnNames, { color, font, lit }) {
	context.font = font;
	context.textBaseline = "middle";
	const { firstRow, lastRow, firstColumn, lastColumn } = geometry.visible;
	const opacity = (/** @type {boolean} */ isLit) => (lit.length === 0 || isLit ? 1 : 0.55);
	context.fillStyle = color;
	context.textAlign = "right";
	const rowStep = Math.ceil(LABEL_PIXELS / geometry.cellHeight);
	for (let row = ceilTo(firstRow, rowStep); row < lastRow && rowNames.length; row += rowStep) {
		context.globalAlpha = opacity(lit.some((light) => light.row === row));
		context.fillText(rowNames[row] ?? "", -6, geometry.middleY(row));
	}
	context.textAlign = "left";
	const columnStep = Math.ceil(LABEL_PIXELS / geometry.cellWidth);
	for (let column = ceilTo(firstColumn, columnStep); column < lastColumn && columnNames.length; column += columnStep) {
		context.globalAlpha = opacity(lit.some((light) => light.column === column));
		context.save();
		context.translate(geometry.middleX(column), -6);
		context.rotate(-Math.PI / 2);
		context.fillText(columnNames[column] ?? "", 0, 0);
		context.restore();
	}
	context.globalAlpha = 1;
}

/** @param {number} number @param {number} step @returns {number} the next multiple */
function ceilTo(number, step) {
	return Math.ceil(number / step) * step;
}

/**
 * Hatching, which shows through masked cells.
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number}} area
 * @param {string} color
 */
export function drawHatching(context, { width, height }, color) {
	context.save();
	context.beginPath();
	context.rect(0, 0, width, height);
	context.clip();
	context.strokeStyle = color;
	context.lineWidth = 1;
	context.beginPath();
	for (let x = -height; x < width; x += 6) {
		context.moveTo(x, height);
		context.lineTo(x + height, 0);
	}
	context.stroke();
	context.restore();
}
