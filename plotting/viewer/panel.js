// rounded is the largest of 1, 2, 5 times a power of ten that is at most v.
const rounded = (v) => {
	const power = 10 ** Math.floor(Math.log10(v));
	return [5, 2, 1].find((m) => m * power <= v * (1 + 1e-9)) * power;
};

// Panel is a picture, one of several that are moved together.
class Panel {
	constructor(view, spec) {
		this.view = view;
		this.spec = spec;
		this.figure = document.createElement("figure");
		const caption = this.figure.appendChild(document.createElement("figcaption"));
		this.name = caption.appendChild(document.createElement("span"));
		this.value = caption.appendChild(document.createElement("output"));
		this.value.setAttribute("aria-live", "off");
		this.canvas = this.figure.appendChild(document.createElement("canvas"));
		this.canvas.setAttribute("role", "img");
		const { width, height } = view.data;
		this.canvas.style.aspectRatio = `${width} / ${height}`;
		this.picture = document.createElement("canvas");
		[this.picture.width, this.picture.height] = [width, height];
		this.mask = spec.mask === undefined ? null : bytes(view.data.masks[spec.mask]);
		this.label(spec.name);
	}

	label(name) {
		this.name.textContent = name;
		const { width, height, title } = this.view.data;
		this.canvas.setAttribute("aria-label",
			`${name}${title ? ` of ${title}` : ""}, ${width} × ${height} pixels`);
	}

	// masked tells whether a pixel has no data.
	masked(k) {
		return this.mask !== null && (this.mask[k >> 3] >> (k & 7) & 1) === 1;
	}

	// paint gives each pixel its color.
	paint(values) {
		this.values = values;
		const { width, height, channels } = this.view.data;
		const image = new ImageData(width, height);
		const color = this.view.coloring(this.spec.kind);
		for (let k = 0; k < width * height; k++) {
			if (channels === 1) {
				color(image.data, 4 * k, values[k]);
			} else {
				color(image.data, 4 * k, ...values.subarray(3 * k, 3 * k + 3));
			}
			image.data[4 * k + 3] = 255;
		}
		this.picture.getContext("2d").putImageData(image, 0, 0);
	}

	// draw shows the part that the view is of.
	draw() {
		const { data, x, y, zoom, cursor } = this.view;
		const box = this.canvas.getBoundingClientRect();
		if (box.width === 0) {
			return;
		}
		const dots = window.devicePixelRatio || 1;
		const w = Math.round(box.width * dots), h = Math.round(box.height * dots);
		if (this.canvas.width !== w || this.canvas.height !== h) {
			[this.canvas.width, this.canvas.height] = [w, h];
		}
		const c = this.canvas.getContext("2d");
		const scale = w / data.width * zoom;
		c.setTransform(scale, 0, 0, scale, w / 2 - x * scale, h / 2 - y * scale);
		c.imageSmoothingEnabled = false;
		c.drawImage(this.picture, 0, 0);
		if (this.mask && this.view.hatched) {
			this.hatch(c, dots);
		}
		if (cursor) {
			for (const [style, width] of [["#000", 3], ["#fff", 1]]) {
				c.strokeStyle = style;
				c.lineWidth = width * dots / scale;
				c.strokeRect(cursor.x, cursor.y, 1, 1);
			}
		}
		c.setTransform(dots, 0, 0, dots, 0, 0);
		if (this.spec.scale) {
			this.bar(c, box, scale / dots);
			this.compass(c, box);
		}
	}

	// hatch strikes out the pixels without data.
	hatch(c, dots) {
		const { width, height } = this.view.data;
		c.save();
		c.beginPath();
		for (let k = 0; k < width * height; k++) {
			if (this.masked(k)) {
				c.rect(k % width, Math.floor(k / width), 1, 1);
			}
		}
		c.clip();
		c.setTransform(1, 0, 0, 1, 0, 0);
		const { width: w, height: h } = this.canvas;
		c.fillStyle = "rgb(128 128 128 / 0.5)";
		c.fillRect(0, 0, w, h);
		const step = 6 * dots;
		for (const [style, shift] of [["#0009", 0], ["#fffc", dots]]) {
			c.strokeStyle = style;
			c.lineWidth = dots;
			c.beginPath();
			for (let at = -h + shift; at < w; at += step) {
				c.moveTo(at, h);
				c.lineTo(at + h, 0);
			}
			c.stroke();
		}
		c.restore();
	}

	// bar draws a bar of a round length at the lower left.
	bar(c, box, scale) {
		const { pixelScale } = this.view.data;
		const unit = pixelScale || 1;
		const length = rounded(0.4 * box.width / scale * unit);
		const text = !pixelScale ? `${number(length)} px`
			: length >= 60 ? `${number(length / 60)}′` : `${number(length)}″`;
		const y = box.height - 7, end = 7 + length / unit * scale;
		for (const [style, width] of [["#000", 4], ["#fff", 1.75]]) {
			this.line(c, style, width, [[7, y], [end, y]]);
		}
		this.write(c, text, 7, y - 5, "start");
	}

	// compass draws where north and east are, at the lower right.
	compass(c, box) {
		const { compass } = this.view.data;
		if (!compass) {
			return;
		}
		const length = 24, [n, e] = [compass.north, compass.east];
		// So that arrows and letters stay inside.
		const reach = (axis) => length * Math.max(0, 1.5 * n[axis], 1.5 * e[axis]);
		const x = box.width - 10 - reach(0), y = box.height - 10 - reach(1);
		for (const [name, [dx, dy]] of [["N", n], ["E", e]]) {
			const tip = [x + length * dx, y + length * dy];
			const wing = (side) => [tip[0] - 6 * dx + side * 3.5 * dy,
				tip[1] - 6 * dy - side * 3.5 * dx];
			for (const [style, width] of [["#000", 4], ["#fff", 1.75]]) {
				this.line(c, style, width, [[x, y], tip]);
				this.line(c, style, width, [wing(1), tip, wing(-1)]);
			}
			this.write(c, name, x + 1.5 * length * dx, y + 1.5 * length * dy + 4, "center");
		}
	}

	line(c, style, width, points) {
		c.strokeStyle = style;
		c.lineWidth = width;
		c.lineCap = c.lineJoin = "round";
		c.beginPath();
		points.forEach(([x, y]) => c.lineTo(x, y));
		c.stroke();
	}

	write(c, text, x, y, align) {
		c.font = "11px system-ui, Arial, sans-serif";
		c.textAlign = align;
		c.lineJoin = "round";
		c.strokeStyle = "#000";
		c.lineWidth = 3;
		c.strokeText(text, x, y);
		c.fillStyle = "#fff";
		c.fillText(text, x, y);
	}

	// read shows the value of the pixel under the cursor.
	read() {
		const { data, cursor } = this.view;
		if (!cursor) {
			this.value.textContent = "";
			return "";
		}
		const k = cursor.y * data.width + cursor.x;
		const values = this.values.subarray(k * data.channels, (k + 1) * data.channels);
		const text = Array.from(values, (v) => number(v)).join(" ");
		this.value.textContent = this.masked(k) ? `no data (${text})` : text;
		return `${this.name.textContent} ${this.value.textContent}`;
	}
}
