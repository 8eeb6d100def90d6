/** Binary answers of one array: npy, as https://numpy.org/neps/nep-0001-npy-format.html describes it. */

/**
 * The one array of an npy file of bytes.
 * @param {ArrayBuffer} file
 * @returns {Tensor}
 */
export function readBytesNpy(file) {
	const { shape, start } = npyHeader(file, "|u1");
	return { shape, numbers: new Uint8Array(file, start) };
}

/**
 * The same of float32 numbers.
 * @param {ArrayBuffer} file
 * @returns {Tensor}
 */
export function readFloatsNpy(file) {
	const { shape, start } = npyHeader(file, "<f4");
	return { shape, numbers: new Float32Array(file, start) };
}

/** @param {ArrayBuffer} file @param {string} type @returns {{shape: number[], start: number}} */
function npyHeader(file, type) {
	const length = new DataView(file).getUint16(8, true);
	const header = new TextDecoder("latin1").decode(new Uint8Array(file, 10, length));
	if (!header.includes(`'${type}'`)) throw new TypeError(`no array of ${type}: ${header}`);
	const shape = [...(/\(([^)]*)\)/.exec(header)?.[1] ?? "").matchAll(/\d+/g)].map(([size]) => Number(size));
	return { shape, start: 10 + length };
}
