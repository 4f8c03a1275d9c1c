package dev.bowline.recipe;

/// Adam's two decay rates: of the mean of the gradient and of the mean of its square, each at least 0 and below 1.
public record Betas(double first, double second) {

    public Betas {
        Require.that(first >= 0 && first < 1 && second >= 0 && second < 1, "[%s, %s] must be in [0, 1)", first, second);
    }
}
