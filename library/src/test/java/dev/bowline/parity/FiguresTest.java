package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Pages agree when only the size of rounding differs.
class FiguresTest {

    @ParameterizedTest
    @CsvSource({"6.1e-6, 7e-6", "9.01e-6, 1e-5", "0, 1e-6", "2e-4, 2e-4", "0.5, 5e-1"})
    void anErrorIsRoundedUpToOneDigit(double value, String expected) {
        assertEquals(expected, Figures.error(value));
    }

    @ParameterizedTest
    @CsvSource({"0, 0.1", "0.61, 0.7", "0.7, 0.7", "1.21, 1.3"})
    void unitsAreRoundedUpToATenth(double value, String expected) {
        assertEquals(expected, Figures.units(value));
    }

    @Test
    void figuresInRowsMayDifferByAFactor() {
        assertEquals(List.of(), Figures.disagreements("| a | 2e-6 · 0.5 |", "| a | 5e-5 · 0.1 |"));
        assertNotEquals(List.of(), Figures.disagreements("| a | 2e-6 |", "| a | 7e-5 |"));
        assertNotEquals(List.of(), Figures.disagreements("| a | 7e-5 |", "| a | 2e-6 |"));
    }

    @Test
    void nothingElseMayDiffer() {
        assertNotEquals(List.of(), Figures.disagreements("at most 1e-4", "at most 1e-3"));
        assertNotEquals(List.of(), Figures.disagreements("| a | 2e-6 |", "| b | 2e-6 |"));
        assertNotEquals(List.of(), Figures.disagreements("| a | 2e-6 |", "| a | – |"));
        assertNotEquals(List.of(), Figures.disagreements("| 72 of 72 |", "| 71 of 72 |"));
        assertNotEquals(List.of(), Figures.disagreements("| a | 2e-6 |", "| a | 2e-6 |\n| b | 2e-6 |"));
    }
}
