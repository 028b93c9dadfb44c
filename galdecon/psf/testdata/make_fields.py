"""Makes the files of PSFs that change over the field, with the tools that own the formats, and what
those make of them at ten places:

    apt install psfex=3.21.1-1 source-extractor=2.25.0+ds-3
    pip install numpy==2.3.5 galsim==2.8.5 photutils==3.0.0 stpsf==2.2.0 poppy==1.1.2
    python make_fields.py

STPSF's grids are those of a small telescope, so that none of its data are needed: set STPSF_PATH to
an empty folder.
"""
import gzip
import json
import os
import subprocess
import tempfile

import galsim
import galsim.des
import numpy as np
import poppy
import stpsf
from astropy.io import fits
from astropy.nddata import NDData
from photutils.psf import GriddedPSFModel, ImagePSF
from stpsf.gridded_library import CreatePSFLibrary

HERE = os.path.dirname(os.path.abspath(__file__))
golden = []


def add(file, x, y, pixels, detector=""):
    """Notes the PSF at column x and row y, counted from 0, in millionths of its peak."""
    pixels = np.asarray(pixels, float)
    golden.append({"file": file, "detector": detector, "x": float(x), "y": float(y),
                   "pixels": [round(1e6 * v) for v in (pixels / pixels.max()).ravel()]})


def star_field(path):
    """720 stars on 1000x800 pixels, whose width and shape are cubic polynomials of the place."""
    rng = np.random.default_rng(5)
    image = galsim.ImageF(1000, 800)
    for i in range(30):
        for j in range(24):
            x, y = 17 + 33 * i + rng.uniform(-6, 6), 17 + 33 * j + rng.uniform(-6, 6)
            u, v = (x - 500) / 500, (y - 400) / 400
            fwhm = 2.3 + 0.25 * u - 0.2 * v + 0.2 * u * u + 0.15 * u * v * v - 0.1 * u**3
            star = galsim.Moffat(beta=3, fwhm=fwhm, flux=10**rng.uniform(4.3, 5.3)).shear(
                g1=0.06 * u - 0.05 * u * v + 0.04 * v**3, g2=0.05 * v + 0.05 * u * u)
            stamp = star.drawImage(nx=41, ny=41, scale=1, center=galsim.PositionD(x, y),
                                   dtype=np.float32)
            seen = stamp.bounds & image.bounds
            image[seen] += stamp[seen]
    noisy = image.array + 100 + rng.normal(0, 5, image.array.shape)
    fits.writeto(path, noisy.astype("f4"))


def psfex():
    """Runs SExtractor and PSFEx, and reads what they make with GalSim."""
    with tempfile.TemporaryDirectory() as work:
        def run(*command):
            subprocess.run([str(c) for c in command], cwd=work, check=True,
                           stderr=subprocess.DEVNULL)

        star_field(os.path.join(work, "stars.fits"))
        with open(os.path.join(work, "default.param"), "w") as f:
            f.write("VIGNET(35,35)\nX_IMAGE\nY_IMAGE\nFLUX_RADIUS\nFLUX_APER(1)\n"
                    "FLUXERR_APER(1)\nELONGATION\nFLAGS\nSNR_WIN\n")
        run("source-extractor", "stars.fits", "-PARAMETERS_NAME", "default.param",
            "-CATALOG_TYPE", "FITS_LDAC", "-CATALOG_NAME", "stars.cat", "-FILTER", "N",
            "-PHOT_APERTURES", 12, "-SATUR_LEVEL", 1e9, "-DETECT_THRESH", 20,
            "-VERBOSE_TYPE", "QUIET", "-STARNNW_NAME", "/usr/share/source-extractor/default.nnw")
        for degree, size in ((0, 15), (1, 15), (2, 15), (3, 15), (1, 16)):
            name = f"psfex-{degree}{'-even' if size % 2 == 0 else ''}.psf"
            run("psfex", "stars.cat", "-PSFVAR_DEGREES", degree, "-PSF_SIZE", f"{size},{size}",
                "-PSF_SAMPLING", 0, "-CHECKPLOT_TYPE", "NONE", "-CHECKIMAGE_TYPE", "SNAPSHOTS",
                "-CHECKIMAGE_NAME", "snap.fits", "-VERBOSE_TYPE", "QUIET", "-WRITE_XML", "N",
                "-NTHREADS", 1)
            os.replace(os.path.join(work, "stars.psf"), os.path.join(HERE, name))
            psfex_golden(name, degree, size, fits.getdata(os.path.join(work, "snap_stars.fits")))


def psfex_golden(name, degree, size, snapshots):
    hdu = fits.open(os.path.join(HERE, name))[1]
    step = hdu.header["PSF_SAMP"]
    if degree > 0:
        model = galsim.des.DES_PSFEx(os.path.join(HERE, name))
        # Polynomials are those of PSFEx's own pictures at 9 x 9 places.
        for i, j in ((0, 0), (8, 0), (3, 6), (8, 8)):
            at = galsim.PositionD(model.x_zero + model.x_scale * ((i + 0.5) / 9 - 0.5),
                                  model.y_zero + model.y_scale * ((j + 0.5) / 9 - 0.5))
            part = snapshots[j * size:(j + 1) * size, i * size:(i + 1) * size]
            assert np.abs(part - model.getPSFArray(at)).max() < 1e-6 * part.max()
    rng = np.random.default_rng(size + degree)
    for _ in range(10):
        x, y = rng.uniform(1, 1000), rng.uniform(1, 800)  # as SExtractor counts them
        if degree > 0:
            profile = model.getPSF(galsim.PositionD(x, y))
        else:  # which the class doesn't read: as it draws others
            profile = galsim.InterpolatedImage(galsim.Image(hdu.data["PSF_MASK"][0][0]),
                                               scale=step, flux=1,
                                               x_interpolant=galsim.Lanczos(3))
        if size % 2 == 0:  # PSFEx has its center in sample k/2, GalSim amid four
            profile = profile.shift(-step / 2, -step / 2)
        side = 2 * int(((size - 1 - size // 2) + 0.5) * step) + 1
        drawn = profile.drawImage(nx=side, ny=side, scale=1, method="no_pixel", dtype=float)
        add(name, x - 1, y - 1, drawn.array)


class Telescope(poppy.Instrument):
    """2.4 m, a third of it obscured, with an astigmatism and a coma that change over the field."""

    telescope, filter, detector_list, _detector_npixels = "Telescope", "ONE", ["D1"], 2048
    image_mask = pupil_mask = detector = detector_position = None

    def __init__(self, pixelscale):
        super().__init__(name="Telescope")
        self.pixelscale = pixelscale  # arcseconds
        self._pupil = poppy.CompoundAnalyticOptic([
            poppy.CircularAperture(radius=1.2), poppy.SecondaryObscuration(secondary_radius=0.4)])

    def _get_default_fov(self):
        return 1

    def _get_filter_list(self):
        return ["ONE"], None

    def _get_weights(self, source=None, nlambda=1, monochromatic=None, verbose=False):
        return np.array([1e-6]), np.array([1.0])

    def calc_psf(self, add_distortion=False, **kwargs):
        x, y = (v / 1023.5 - 1 for v in self.detector_position)
        wave = poppy.ZernikeWFE(radius=1.2, coefficients=[
            0, 0, 0, 4e-8 * x * y, 6e-8 * x, 5e-8 * y, 3e-8 * x, -3e-8 * y])
        self.pupil = poppy.CompoundAnalyticOptic([self._pupil, wave])
        hdus = super().calc_psf(**kwargs)
        for key, value in (("PUPILOPD", "none"), ("OPD_FILE", "none"), ("OPDSLICE", 0),
                           ("TEL_WFE", 0.0), ("VERSION", stpsf.__version__), ("DATAVERS", "none"),
                           ("WAVELEN", 1e-6), ("DIFFLMT", 0.086), ("DATE", "2026-01-01"),
                           ("AUTHOR", "none")):
            hdus[0].header[key] = value
        return hdus


def grids():
    """Grids that STPSF makes of them and saves, of odd and even size."""
    for name, pixels, over, columns, rows in (
            ("stpsf-odd", 7, 3, (0, 900, 2047), (100, 1300, 1900)),
            ("stpsf-even", 6, 4, (0, 2047), (0, 2047))):
        with tempfile.TemporaryDirectory() as work:
            library = CreatePSFLibrary(
                Telescope(0.05), "ONE", "D1", len(columns) * len(rows), save=True, outdir=work,
                filename="grid.fits", verbose=False, add_distortion=False, fov_pixels=pixels, oversample=over,
                psf_location_list=[(x, y) for x in columns for y in rows])
            model = library.create_grid()
            # In memory each PSF has its place; what is saved of them is another matter.
            saved = fits.open(os.path.join(work, "grid_d1.fits"))[0]
        assert np.array_equal(saved.data, model.data)
        saved.data = saved.data.astype("f4")
        saved.writeto(os.path.join(HERE, name + ".fits"), overwrite=True)
        model = GriddedPSFModel(NDData(saved.data.astype(float), meta={
            "grid_xypos": model.grid_xypos, "oversampling": over}))
        rng = np.random.default_rng(over)
        for _ in range(8):
            gridded_golden(name + ".fits", model, *rng.uniform(0, 2047, 2))
        gridded_golden(name + ".fits", model, -20, 2300)  # beyond the last places
        gridded_golden(name + ".fits", model, columns[1], rows[-1])


def gridded_golden(name, model, x, y, detector=""):
    side = int((model.data.shape[1] - 1) / 2 / model.oversampling[0])
    dy, dx = np.mgrid[-side:side + 1, -side:side + 1].astype(float)
    add(name, x, y, model.evaluate(x + dx, y + dy, 1.0, x, y), detector)


def stdpsf():
    """Files with one detector and with several, read by photutils."""
    for name, columns, rows, detectors in (
            ("STDPSF_WFC3IR_F140W", (1, 507, 1014), (1, 507, 1014), {None: ""}),
            ("STDPSF_ACSWFC_F814W", range(0, 4609, 576),
             (1, 512, 1024, 1536, 2048, 2049, 2560, 3072, 3584, 4096), {1: "WFC2", 2: "WFC1"}),
            ("STDPSF_WFPC2_F555W", (1, 400, 800, 801, 1200, 1600),
             (1, 400, 800, 801, 1200, 1600), {1: "PC", 2: "WF2", 3: "WF3", 4: "WF4"}),
            ("STDPSF_NRCSW_F150W", [d * 2048 + p for d in range(4) for p in range(0, 2049, 512)],
             [d * 2048 + p for d in range(2) for p in range(0, 2049, 512)],
             {1: "A1", 2: "A2", 3: "A3", 4: "A4", 5: "B1", 6: "B2", 7: "B3", 8: "B4"})):
        columns, rows = list(columns), list(rows)
        size = 21 if len(rows) == 3 else 9
        r, c = np.mgrid[:size, :size] - size // 2
        cube = []
        for j in range(len(rows)):
            for i in range(len(columns)):
                a, b = 4 + 0.15 * i, 5 - 0.2 * j
                profile = np.exp(-0.5 * ((c / a)**2 + (r / b)**2 + 0.02 * (i - j) * r * c / 16))
                cube.append(np.round(profile * 16 / (2 * np.pi * a * b) * 1024) / 1024)
        header = fits.Header([("NXPSFS", len(columns)), ("NYPSFS", len(rows))])
        if len(columns) == 20:
            for key, values in (("IPSFX", columns), ("JPSFY", rows)):
                for k in range(len(values) // 5):
                    header[f"{key}{'ABCD'[k]}5"] = " ".join(map(str, values[5 * k:5 * k + 5]))
        else:
            for key, values in (("IPSFX", columns), ("JPSFY", rows)):
                for k, v in enumerate(values):
                    header[f"{key}{k + 1:02d}"] = v
        path = os.path.join(HERE, name + ".fits.gz")
        with gzip.GzipFile(path, "wb", mtime=0) as f:
            fits.PrimaryHDU(np.array(cube, "f4"), header).writeto(f)
        rng = np.random.default_rng(size)
        for identity, detector in detectors.items():
            model = GriddedPSFModel.read(path, format="stdpsf", detector_id=identity)
            top = model.grid_xypos.max(axis=0)
            for _ in range(10 // len(detectors) + 1):
                gridded_golden(name + ".fits.gz", model, *(rng.uniform(0, 1, 2) * top), detector)


def plain():
    """One PSF with a card OVERSAMP, each of whose samples is the light of a pixel."""
    for name, size in (("plain-odd", 21), ("plain-even", 22)):
        r, c = np.mgrid[:size, :size] - (size - 1) / 2
        values = np.exp(-0.5 * ((c / 3)**2 + (r / 4)**2 + 0.03 * r * c)) * (1 + 0.01 * c)
        values = (15.8 * values / values.sum()).astype("f4")
        fits.writeto(os.path.join(HERE, name + ".fits"), values,
                     fits.Header([("OVERSAMP", 4)]), overwrite=True)
        model = ImagePSF(values.astype(float), oversampling=4)
        side = int((size - 1) / 2 / 4)
        dy, dx = np.mgrid[-side:side + 1, -side:side + 1].astype(float)
        add(name + ".fits", 12, 34, model.evaluate(dx, dy, 1.0, 0.0, 0.0))


psfex()
grids()
stdpsf()
plain()
with open(os.path.join(HERE, "fields.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
