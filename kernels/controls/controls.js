function (id) {
	const panel = document.getElementById(id);
	const send = (values) => globalThis.gonb_comm?.send(id, JSON.stringify(values));
	const values = () => [...panel.querySelectorAll("input,select")].map((control) => Number(control.value));
	panel.addEventListener("input", (event) => {
		if (event.target.type === "range") {
			event.target.nextElementSibling.textContent = event.target.value;
		}
		send(values());
	});
	panel.querySelector("button").addEventListener("click", () => send(null));
	// The connection to the kernel may come after the panel, or be made anew at first, and what was said before is lost: so it greets more than
	// once. Later than in 10 s it is of no use: the cell has given up.
	const greeting = setInterval(() => send(values()), 250);
	setTimeout(() => clearInterval(greeting), 10000);
}
