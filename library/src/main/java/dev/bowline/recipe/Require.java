package dev.bowline.recipe;

/// The one check of the records' constructors. Who builds a record by hand and breaks its contract has a bug;
/// who writes it in YAML gets a [RecipeException] with the position long before.
final class Require {

    private Require() {}

    static void that(boolean holds, String contract, Object... found) {
        if (!holds) {
            throw new IllegalArgumentException(contract.formatted(found));
        }
    }
}
