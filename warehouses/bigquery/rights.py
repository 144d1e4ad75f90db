"""Rights of the account, and the commands that grant them."""

from dataclasses import dataclass, replace

from errors import RightMissing

JOB_USER, USER = "roles/bigquery.jobUser", "roles/bigquery.user"
DATA_EDITOR, DATA_VIEWER = "roles/bigquery.dataEditor", "roles/bigquery.dataViewer"

BY_PERMISSION = {
    "bigquery.jobs.create": (JOB_USER, True),
    "bigquery.datasets.create": (USER, True),
    "bigquery.tables.create": (DATA_EDITOR, False),
    "bigquery.tables.updateData": (DATA_EDITOR, False),
    "bigquery.tables.update": (DATA_EDITOR, False),
    "bigquery.tables.getData": (DATA_VIEWER, False),
}
"""Permission → its role, and True if the role is granted for the whole project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One purpose and the role for it. ``dataset`` is project.dataset, None for a role on the project."""

    purpose: str
    role: str
    project: str
    dataset: str | None = None

    def narrow_to(self, message: str) -> "Right":
        """Return the right for the permission named by Google's message, else this one."""
        for permission, (role, of_project) in BY_PERMISSION.items():
            if permission in message:
                return replace(self, role=role, dataset=None if of_project else self.dataset)
        return self

    def build_error(self, account: str) -> RightMissing:
        """Build the error for an account without this right, written ``serviceAccount:…`` or ``user:…``."""
        return RightMissing(account.partition(":")[2] or account, self.purpose, self.role, self.grant_command(account))

    def grant_command(self, account: str) -> str:
        """Return the shell command by which an owner of the project grants this right."""
        if self.dataset is None:
            return f"gcloud projects add-iam-policy-binding {self.project} --member={account} --role={self.role}"
        grant = f"GRANT \\`{self.role}\\` ON SCHEMA \\`{self.dataset}\\` TO '{account}'"
        return f'bq query --project_id={self.project} --use_legacy_sql=false "{grant}"'


@dataclass(frozen=True, slots=True)
class Rights:
    """Every right for one dataset of one project."""

    project: str
    """Project that runs and pays for the jobs."""
    dataset: str
    """project.dataset of the table in question."""

    @property
    def run_jobs(self) -> Right:
        return Right(purpose="run a query", role=JOB_USER, project=self.project)

    @property
    def load(self) -> Right:
        return Right(purpose="load a file", role=JOB_USER, project=self.project)

    @property
    def make_dataset(self) -> Right:
        return Right(purpose=f"make the dataset {self.dataset}", role=USER, project=self.project)

    @property
    def see_dataset(self) -> Right:
        return self._of_dataset(f"see the dataset {self.dataset}", DATA_EDITOR)

    @property
    def read(self) -> Right:
        return self._of_dataset(f"read tables of {self.dataset}", DATA_VIEWER)

    @property
    def make_table(self) -> Right:
        return self._of_dataset(f"make tables in {self.dataset}", DATA_EDITOR)

    @property
    def change(self) -> Right:
        return self._of_dataset(f"change rows in {self.dataset}", DATA_EDITOR)

    def _of_dataset(self, purpose: str, role: str) -> Right:
        return Right(purpose=purpose, role=role, project=self.project, dataset=self.dataset)
