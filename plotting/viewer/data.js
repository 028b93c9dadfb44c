// bytes decodes base64.
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// number writes a value with so many significant digits.
const number = (v, digits = 4) => {
	const text = v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5)
		? v.toExponential(digits - 1) : String(Number(v.toPrecision(digits)));
	return text.replaceAll("-", "−");
};

// Planes are the values of all images, in 16 bits each between the lowest and the highest of a
// plane.
class Planes {
	constructor(data) {
		this.raw = bytes(data.values);
		this.ranges = data.ranges;
		this.size = data.width * data.height * data.channels;
		this.cache = new Map();
	}

	at(index) {
		let values = this.cache.get(index);
		if (!values) {
			const [low, high] = this.ranges[index];
			const start = 2 * this.size * index;
			values = new Float64Array(this.size);
			for (let k = 0; k < this.size; k++) {
				const steps = this.raw[start + 2 * k] | (this.raw[start + 2 * k + 1] << 8);
				values[k] = low + (high - low) * (steps / 65535);
			}
			this.cache.set(index, values);
		}
		return values;
	}

	// between is the image at t, from 0 to 1, of the way from one of n candidates to another, by
	// the path that keeps the mean and the variance of all n.
	between(from, to, mean, t, n) {
		const eased = t * t * (3 - 2 * t);
		const c = Math.cos(eased * Math.PI / 2), s = Math.sin(eased * Math.PI / 2);
		const length = Math.sqrt(1 - 2 * s * c / (n - 1));
		const [a, b, m] = [this.at(from), this.at(to), this.at(mean)];
		return m.map((v, k) => v + c / length * (a[k] - v) + s / length * (b[k] - v));
	}
}

// World says where in the sky a pixel is, by a plane that touches it in the middle.
class World {
	constructor(w) {
		Object.assign(this, w);
	}

	sky(x, y) {
		const degree = Math.PI / 180, u = x - this.Column, v = y - this.Row, m = this.Matrix;
		const xi = (m[0][0] * u + m[0][1] * v) * degree;
		const eta = (m[1][0] * u + m[1][1] * v) * degree;
		const [sa, ca] = [Math.sin(this.Longitude * degree), Math.cos(this.Longitude * degree)];
		const [sd, cd] = [Math.sin(this.Latitude * degree), Math.cos(this.Latitude * degree)];
		const p = [
			cd * ca - xi * sa - eta * sd * ca,
			cd * sa + xi * ca - eta * sd * sa,
			sd + eta * cd,
		];
		const longitude = Math.atan2(p[1], p[0]) / degree;
		return [(longitude + 360) % 360, Math.atan2(p[2], Math.hypot(p[0], p[1])) / degree];
	}

	// text writes a place to about a tenth of a pixel: right ascension as hours, minutes and
	// seconds, declination as degrees, arcminutes and arcseconds, others as degrees.
	text(x, y) {
		const [ra, dec] = this.sky(x, y);
		const digits = Math.min(Math.max(Math.ceil(1 - Math.log10(this.scale)), 0), 6);
		if (this.axes[0] !== "RA") {
			const sign = dec < 0 ? "−" : "+";
			return `${this.axes[0]} ${ra.toFixed(digits + 3)}° `
				+ `${this.axes[1]} ${sign}${Math.abs(dec).toFixed(digits + 3)}°`;
		}
		const sexagesimal = (v, decimals) => {
			const unit = 10 ** decimals;
			const all = Math.round(v * 3600 * unit);
			const seconds = (all % (60 * unit)) / unit;
			const minutes = Math.floor(all / (60 * unit));
			return [Math.floor(minutes / 60), minutes % 60].map((n) => String(n).padStart(2, "0"))
				.concat(seconds.toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0"));
		};
		let [h, m, s] = sexagesimal(ra / 15, digits + 1);
		h = String(h % 24).padStart(2, "0");
		const [d, am, as] = sexagesimal(Math.abs(dec), digits);
		return `${h}h${m}m${s}s ${dec < 0 ? "−" : "+"}${d}°${am}′${as}″`;
	}
}
