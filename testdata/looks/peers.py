"""Deconvolve dithers by STARRED 1.7.1.

    python peers.py DIR/problems.json [GALAXIES] [STRENGTH] [FINEST]

Each problem's four exposures are deconvolved together, and its single one alone, on the grid that
is twice as fine, with starlets of the given strength (in deviations of the noise, 1 unless given),
of another on the finest scale (the same unless given), and places that are known. Printed are, over the first GALAXIES of each kind, the
root mean square error in % of the truth's brightest pixel, the mean chi squared, seconds for each,
and at the end the most memory that the process had. STARRED has no posterior of pixels: there is no
coverage.
"""

import json
import resource
import sys
import time

import numpy as np
from starred.deconvolution.deconvolution import setup_model
from starred.deconvolution.loss import Loss
from starred.deconvolution.parameters import ParametersDeconv
from starred.optim.optimization import Optimizer
from starred.utils.noise_utils import propagate_noise


def deconvolve(seen, places, psf, sigma, bins, strength, finest):
    """The galaxy on the fine grid, and the mean chi squared of the exposures."""
    epochs = len(seen)
    data = np.array(seen, np.float32)
    sigma_2 = np.full_like(data, sigma**2)
    # Their last row and column lie beyond the grid where an exposure is shifted: no data.
    for e, (row, column) in enumerate(places):
        if row:
            sigma_2[e, -1, :] = 1e6
        if column:
            sigma_2[e, :, -1] = 1e6
    model, init, up, down, fixed = setup_model(
        data, sigma_2, np.repeat(psf[None], epochs, 0), np.array([]), np.array([]), bins,
        initial_a=np.array([]), convolution_method="scipy",
    )
    for name, axis in (("dy", 0), ("dx", 1)):  # in pixels of the camera; light moves the other way
        init["kwargs_analytic"][name] = np.array([-p[axis] / bins for p in places], float)
        fixed["kwargs_analytic"][name] = init["kwargs_analytic"][name]
    for name in ("c_x", "c_y", "a"):
        fixed["kwargs_analytic"][name] = init["kwargs_analytic"][name]
    fixed["kwargs_background"]["mean"] = np.zeros(epochs)
    parameters = ParametersDeconv(init, fixed, kwargs_up=up, kwargs_down=down)
    weights = propagate_noise(
        model, np.sqrt(sigma_2), init, wavelet_type_list=["starlet"], method="MC",
        num_samples=100, seed=1, likelihood_type="chi2", upsampling_factor=bins,
    )[0]
    loss = Loss(
        data, model, parameters, sigma_2, regularization_terms="l1_starlet",
        regularization_strength_scales=strength, regularization_strength_hf=finest,
        regularization_strength_positivity=100.0, W=weights,
    )
    Optimizer(loss, parameters, method="adabelief").minimize(
        max_iterations=1000, init_learning_rate=1e-2, schedule_learning_rate=True,
        restart_from_init=True, progress_bar=False,
    )
    best = parameters.best_fit_values(as_kwargs=True)
    chi = float(np.mean((np.array(model.model(best)) - data) ** 2 / sigma_2))
    # It counts flux, of which a pixel of the camera has as much as all of the grid within it.
    found = bins**2 * np.array(best["kwargs_background"]["h"]).reshape(model.image_size_up, -1)
    return found, chi


def main():
    with open(sys.argv[1]) as f:
        problems = json.load(f)
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    strength = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
    finest = float(sys.argv[4]) if len(sys.argv) > 4 else strength
    print("                                 error, %  chi2    s")
    for kind in dict.fromkeys(p["kind"] for p in problems):
        some = [p for p in problems if p["kind"] == kind][:most]
        for way in ("one", "four"):
            errors, chis, start = [], [], time.time()
            for p in some:
                n, side = p["side"] // p["per_bin"], p["side"]
                psf = np.array(p["psf"]["Pixels"], np.float32)
                psf = psf.reshape(p["psf"]["Size"], -1)
                images = p["seen"] if way == "four" else [p["single"]]
                sigma = p["sigma"] if way == "four" else p["sigma"] / 2
                found, chi = deconvolve(
                    np.array(images).reshape(-1, n, n), p["places"][: len(images)], psf, sigma,
                    p["per_bin"], strength, finest,
                )
                truth = np.array(p["truth"]).reshape(side, side)
                errors.append(np.mean((found - truth) ** 2))
                chis.append(chi)
            seconds = (time.time() - start) / len(some)
            print(f"{kind + ', ' + way:32} {100 * np.mean(errors) ** 0.5:8.2f} "
                  f"{np.mean(chis):5.2f} {seconds:5.1f}", flush=True)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
