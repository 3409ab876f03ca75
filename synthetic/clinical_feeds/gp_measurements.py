"""Measurements in the GP journal: blood pressure, weight, bloods, smoking."""

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.gp_codes import rows
from synthetic.lives.onset import OBESITY_BMI

LONG_TERM = [
    "hypertension",
    "diabetes_type1",
    "diabetes_type2",
    "coronary_heart_disease",
    "heart_failure",
    "stroke_tia",
    "atrial_fibrillation",
    "chronic_kidney_disease",
    "copd",
    "severe_mental_illness",
    "peripheral_arterial_disease",
]
AUDIT_C = "763256006"  # AUDIT consumption score
NEVER, EX, CURRENT = "266919005", "8517006", "77176002"
OLD_UNIT_SHARE = 0.04  # HbA1c still in DCCT per cent
IFCC = ("1049301000000100", "999791000000106")
EGFR = ("1011481000000105", "80274001")


def measurement_rows(ctx: Context, year: Year) -> list[pl.DataFrame]:
    """Journal rows of one year's checks."""
    rng = ctx.rng("measurements", year.from_day)
    long_term = np.column_stack([year.with_(key) for key in LONG_TERM]).any(axis=1)
    rate = np.where(long_term, 1.2, np.where(year.age >= 40, 0.33, 0.18))
    rate = np.where(year.age < 18, 0.0, rate)
    row, day = ctx.happen(year, rate, rng)
    part = _Checks(ctx, year, row, day, rng)
    bloods = rng.random(len(row)) < np.where(long_term[row], 0.75, 0.3)
    return [
        *part.blood_pressure(),
        *part.weight(rng.random(len(row)) < 0.6),
        *part.smoking(rng.random(len(row)) < 0.7 * ctx.coding["smoking"][row]),
        *part.alcohol(rng.random(len(row)) < 0.3),
        *part.bloods(bloods),
    ]


class _Checks:
    """Checks of one year: who (row), when (day), and what was found."""

    def __init__(
        self,
        ctx: Context,
        year: Year,
        row: np.ndarray,
        day: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self.ctx, self.year, self.row, self.day, self.rng = ctx, year, row, day, rng
        self.age = year.age[row]
        self.traits = ctx.chunk.traits

    def _has(self, key: str) -> np.ndarray:
        return self.year.with_(key)[self.row]

    def _noise(self, spread: float) -> np.ndarray:
        return spread * self.rng.standard_normal(len(self.row))

    def blood_pressure(self) -> list[pl.DataFrame]:
        high = self._has("hypertension")
        own = self.traits.metabolic[self.row]
        systolic = 116 + 0.28 * (self.age - 40) + 4 * own + self._noise(10)
        systolic = (systolic + 9 * high).clip(80, 230).round()
        diastolic = (74 + 4 * high + 2 * own + self._noise(7)).clip(40, 130).round()
        return [
            rows(self.row, self.day, "72313002", systolic, "mm[Hg]"),
            rows(self.row, self.day, "1091811000000102", diastolic, "mm[Hg]"),
        ]

    def weight(self, done: np.ndarray) -> list[pl.DataFrame]:
        """BMI and weight. Obesity that no one has recognised is not measured."""
        known = self._has("obesity")
        bmi = self.traits.bmi[self.row] + self._noise(0.6)
        bmi = np.where(known, np.maximum(bmi, OBESITY_BMI + 0.1), bmi)
        done = done & (known | (self.traits.bmi[self.row] < OBESITY_BMI - 0.2))
        bmi = np.where(known, bmi, np.minimum(bmi, OBESITY_BMI - 0.1)).round(1)
        male = self.traits.male[self.row]
        height = np.where(male, 1.755, 1.62) + 0.06 * self.traits.mental[self.row] / 2
        weight = (bmi * height**2).round(1)
        at, on = self.row[done], self.day[done]
        return [
            rows(at, on, "60621009", bmi[done], "kg/m2"),
            rows(at, on, "27113001", weight[done], "kg"),
            rows(at[::4], on[::4], "50373000", (100 * height[done]).round()[::4], "cm"),
        ]

    def smoking(self, done: np.ndarray) -> list[pl.DataFrame]:
        status = self.traits.smoker[self.row]
        codes = pl.Series([NEVER, EX, CURRENT])
        return [rows(self.row[done], self.day[done], codes.gather(status[done]))]

    def alcohol(self, done: np.ndarray) -> list[pl.DataFrame]:
        """AUDIT-C, 0 to 12; about a fifth score 5 or more (HSE 2021)."""
        drinks = 3.0 + 1.4 * self.traits.smoking[self.row] + self._noise(1.6)
        score = np.clip(drinks, 0, 12).round()
        return [rows(self.row[done], self.day[done], AUDIT_C, score[done])]

    def bloods(self, done: np.ndarray) -> list[pl.DataFrame]:
        diabetic = self._has("diabetes_type2") | self._has("diabetes_type1")
        hba1c = np.where(
            diabetic,
            56 + 9 * np.abs(self._noise(1)),
            36.5 + 0.045 * (self.age - 40) + self._noise(2.2),
        )
        hba1c = np.where(diabetic, hba1c, np.minimum(hba1c, 47)).clip(20, 140).round()
        kidney = self._has("chronic_kidney_disease")
        egfr = np.where(
            kidney,
            50 - 9 * np.abs(self._noise(1)),
            np.maximum(98 - 0.55 * (self.age - 30) + self._noise(9), 61),
        )
        egfr = egfr.clip(8, 120).round()
        treated = self._has("coronary_heart_disease") | diabetic
        cholesterol = (5.2 - 0.9 * treated + self._noise(0.9)).clip(2, 10).round(1)
        old = done & (self.rng.random(len(done)) < OLD_UNIT_SHARE)
        new = done & ~old
        percent = (hba1c / 10.929 + 2.15).round(1)  # IFCC to DCCT master equation
        return [
            rows(
                self.row[new],
                self.day[new],
                self._one(IFCC, new),
                hba1c[new],
                "mmol/mol",
            ),
            rows(self.row[old], self.day[old], "1019431000000105", percent[old], "%"),
            rows(
                self.row[done],
                self.day[done],
                self._one(EGFR, done),
                egfr[done],
                "mL/min/1.73m2",
            ),
            rows(
                self.row[done],
                self.day[done],
                "1005671000000105",
                cholesterol[done],
                "mmol/L",
            ),
        ]

    def _one(self, codes: tuple[str, str], where: np.ndarray) -> pl.Series:
        second = (self.rng.random(where.sum()) < 0.12).astype(np.int8)
        return pl.Series(codes).gather(second)
