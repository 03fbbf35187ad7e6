//! Tail probabilities and intervals, by plain series so that they are the same bits anywhere.

/// The chance that a chi-square of so many degrees of freedom is at least `x`.
pub fn chi_square(x: f64, freedom: f64) -> f64 {
    if x <= 0.0 || freedom <= 0.0 {
        return 1.0;
    }
    let (a, x) = (freedom / 2.0, x / 2.0);
    let scale = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..1_000 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-15 {
                break;
            }
        }
        return (1.0 - scale * sum).clamp(0.0, 1.0);
    }
    // Lentz's continued fraction of the upper part
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    for n in 1..1_000 {
        let n = f64::from(n);
        let an = -n * (n - a);
        b += 2.0;
        d = 1.0 / nonzero(an * d + b);
        c = nonzero(b + an / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-14 {
            break;
        }
    }
    (scale * h).clamp(0.0, 1.0)
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

/// Wilson's 95 % interval of a share.
pub fn wilson(part: u64, whole: u64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if whole == 0 {
        return (0.0, 1.0);
    }
    let n = whole as f64;
    let p = part as f64 / n;
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let over = 1.0 + Z * Z / n;
    (((middle - half) / over).max(0.0), ((middle + half) / over).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chi_square_agrees_with_printed_tables() {
        for (x, freedom, p) in [(3.841, 1.0, 0.05), (18.307, 10.0, 0.05), (2.558, 10.0, 0.99)] {
            assert!((chi_square(x, freedom) - p).abs() < 2e-4, "{x} {freedom}");
        }
        assert_eq!(chi_square(0.0, 3.0), 1.0);
    }

    #[test]
    fn wilson_never_leaves_the_unit_interval() {
        assert_eq!(wilson(0, 10).0, 0.0);
        assert!((wilson(5, 10).0 - 0.2366).abs() < 1e-3);
        assert!(wilson(10, 10).1 <= 1.0);
    }
}
