package dev.bowline.evaluate;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A better model has more right answers and a lower perplexity.
class EvaluationMetricTest {

    @ParameterizedTest
    @EnumSource
    void theBetterValueCostsLess(EvaluationMetric metric) {
        double better = metric == EvaluationMetric.PERPLEXITY ? 1.5 : 0.9;
        double worse = metric == EvaluationMetric.PERPLEXITY ? 2.5 : 0.1;

        assertTrue(metric.better().cost(better) < metric.better().cost(worse));
        assertTrue(metric.better().isBetter(better, worse, 0.5));
        assertFalse(metric.better().isBetter(better, worse, 2));
        assertFalse(metric.better().isBetter(worse, better, 0));
    }
}
