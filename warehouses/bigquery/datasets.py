"""The dataset of the state tables, and its location."""

from google.cloud import bigquery

from config import Settings
from errors import LocationDiffers, NotInBigQuery
from warehouses.bigquery.names import BigQueryNames
from warehouses.bigquery.schemas import LABELS
from warehouses.bigquery.service import BigQueryService

DEFAULT_LOCATION = "US"


class BigQueryDataset:
    """Finds or makes DATASET_ID, and gives the connection its location."""

    def __init__(self, settings: Settings, service: BigQueryService, names: BigQueryNames) -> None:
        self._settings = settings
        self._service = service
        self._names = names
        self._is_located = False

    @property
    def location_if_new(self) -> str:
        """Return the location that a new dataset gets."""
        return self._settings.bigquery_location or DEFAULT_LOCATION

    def is_there(self) -> bool:
        """Return True if the dataset exists. Ask only until it is found, since every job must name its location."""
        return self._is_located or self.locate()

    def locate(self) -> bool:
        """Look the location up, for all later jobs. Return False if there is no dataset yet.

        Raises:
            LocationDiffers: the dataset is not where the setting says.
        """
        found = self._service.catalog.find_dataset(self._names.home, self._names.rights().see_dataset)
        if found is None:
            return False
        wanted, location = self._settings.bigquery_location, str(found.location)
        if wanted is not None and wanted.casefold() != location.casefold():
            raise LocationDiffers(self._names.home, location, wanted)
        self._service.connection.location = location
        self._is_located = True
        return True

    def make(self) -> None:
        """Make the dataset if it does not exist."""
        if self.locate():
            return
        dataset = bigquery.Dataset(self._names.home)
        dataset.location = self.location_if_new
        dataset.description = "Calls of VICIdial dialers, and the state of the program that reads them."
        dataset.labels = LABELS
        self._service.catalog.make_dataset(dataset, self._names.rights().make_dataset)
        if not self.locate():
            raise NotInBigQuery(f"dataset {self._names.home}")
