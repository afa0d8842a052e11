//! One figure over several runs.

/// Values in the order of the runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    values: Vec<f64>,
}

impl Series {
    pub fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    pub fn values(&self) -> &[f64] {
        &self.values
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            len if len % 2 == 1 => Some(sorted[middle]),
            _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        }
    }

    pub fn min(&self) -> Option<f64> {
        self.sorted().first().copied()
    }

    pub fn max(&self) -> Option<f64> {
        self.sorted().last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle_of_what_was_measured() {
        let of = |values: &[f64]| Series { values: values.to_vec() };
        assert_eq!((of(&[]).median(), of(&[]).min(), of(&[]).max()), (None, None, None));
        assert_eq!(of(&[7.0]).median(), Some(7.0));
        assert_eq!(of(&[9.0, 1.0, 5.0]).median(), Some(5.0));
        assert_eq!(of(&[9.0, 1.0, 5.0, 6.0]).median(), Some(5.5));
        let mut series = of(&[3.0]);
        series.push(2.0);
        assert_eq!((series.min(), series.max(), series.values()), (Some(2.0), Some(3.0), &[3.0, 2.0][..]));
    }
}
