package dev.bowline.adapter.export;

import dev.bowline.adapter.format.ExpertPair;

/// The change that an adapter makes to one weight of the base: scale · B A.
sealed interface Delta {

    /// The name of the module or of the stacked weight, as the adapter has it.
    String module();

    int rank();

    /// The factor of B A.
    double scale();

    /// A linear's: A `[rank, in]`, B `[out, rank]`.
    record OfLinear(String module, Matrix a, Matrix b, double scale) implements Delta {

        @Override
        public int rank() {
            return a.rows();
        }
    }

    /// An embedding's: A `[rank, vocabulary]`, B `[width, rank]`; the table changes by scale · (B A)ᵀ.
    record OfEmbedding(String module, Matrix a, Matrix b, double scale) implements Delta {

        @Override
        public int rank() {
            return a.rows();
        }
    }

    /// The delta of all experts in a stacked weight `[experts, out, in]`.
    record OfExperts(ExpertPair pair, double scale) implements Delta {

        @Override
        public String module() {
            return pair.parameter();
        }

        @Override
        public int rank() {
            return Math.toIntExact(pair.rank());
        }

        /// A of one expert, `[rank, in]`.
        Matrix a(long expert) {
            long bytes = pair.rank() * pair.in() * pair.type().bytes();
            return Matrix.of(pair.a().asSlice(expert * bytes, bytes), pair.type(), pair.rank(), pair.in());
        }

        /// B of one expert, `[out, rank]`.
        Matrix b(long expert) {
            long bytes = pair.out() * pair.rank() * pair.type().bytes();
            return Matrix.of(pair.b().asSlice(expert * bytes, bytes), pair.type(), pair.out(), pair.rank());
        }
    }
}
