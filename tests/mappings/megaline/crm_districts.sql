-- A district is a metropolitan area; its code is its place in the alphabetical list of cities.
select
    'C' || lpad(cast(dense_rank() over (order by city) as varchar), 3, '0') as district_code,
    city as district_name,
    split_part(city, ', ', 2) as region
from (select distinct city from users)
