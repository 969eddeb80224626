"""Did reranking help? ``resift eval`` measures it, and says so in plain words."""

from resift_eval.collection import Collection
from resift_eval.experiment import Experiment
from resift_eval.measures import Measured, measured

__all__ = ["Collection", "Experiment", "Measured", "measured"]
